// The Lambda function: configure it as the handler `handler.handler` of the stream's event source mapping, and of the
// dead-letter queue's when you redrive.

import type { PipelineHandler } from "@sluice/core";
import { shop } from "./shop.ts";

export const handler: PipelineHandler = shop.handler();
