// The Lambda function of the state "Ask for approval", configured by environment variables.

import { type ApprovalRequestHandler, approvalRequestHandler } from "../approval/approval-request.ts";
import { mailFromEnvironment, secretFromEnvironment } from "./environment.ts";

/** The handler. */
export const handler: ApprovalRequestHandler = approvalRequestHandler({
  secret: secretFromEnvironment(),
  ...mailFromEnvironment(),
});
