// The Lambda function of the state "Report" of a redrive, configured by environment variables.

import { type ReportHandler, reportHandler } from "../redrive/report.ts";
import { mailFromEnvironment } from "./environment.ts";

/** The handler. */
export const handler: ReportHandler = reportHandler(mailFromEnvironment());
