// The Lambda function. Its `Handler` setting is `handler.handler`. Its event sources are the stream and, for a redrive,
// the dead-letter queue.

import type { PipelineHandler } from "@sluice/core";
import { changeLog } from "./change-log.ts";

/** The handler of the Lambda function. */
export const handler: PipelineHandler = changeLog.handler();
