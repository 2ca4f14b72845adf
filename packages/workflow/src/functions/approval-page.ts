// The Lambda function of the approval page, behind a function URL, configured by environment variables.

import { type ApprovalPageHandler, approvalPageHandler } from "../approval/approval-page.ts";
import { secretFromEnvironment } from "./environment.ts";

/** The handler. */
export const handler: ApprovalPageHandler = approvalPageHandler({ secret: secretFromEnvironment() });
