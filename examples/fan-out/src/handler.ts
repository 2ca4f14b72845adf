// The Lambda function: configure it as the handler `handler.handler` of the stream's event source mapping, and of the
// dead-letter queue's when you redrive.

import type { PipelineHandler } from "@sluice/core";
import { orders } from "./orders.ts";

export const handler: PipelineHandler = orders.handler();
