// The Lambda function: configure it as the handler `handler.handler` of the event source mappings of the stream and of the
// retry queue, and of the dead-letter queue's when you redrive.

import type { PipelineHandler } from "@sluice/core";
import { orders } from "./orders.ts";

export const handler: PipelineHandler = orders.handler();
