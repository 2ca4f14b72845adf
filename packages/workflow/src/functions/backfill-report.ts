// The Lambda function of the state "Report" of a backfill.

import { type BackfillReportHandler, backfillReport } from "../backfill/report.ts";

/** The handler. */
export const handler: BackfillReportHandler = backfillReport();
