// The Lambda function of the state "Report" of a verify.

import { type VerifyReportHandler, verifyReport } from "../backfill/verify-report.ts";

/** The handler. */
export const handler: VerifyReportHandler = verifyReport();
