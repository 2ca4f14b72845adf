// The Lambda function. Its `Handler` setting is `handler.handler`. Its event sources are the stream and, for a redrive,
// the dead-letter queue.

import type { PipelineHandler } from "@sluice/core";
import { orders } from "./orders.ts";

/** The handler of the Lambda function. */
export const handler: PipelineHandler = orders.handler();
