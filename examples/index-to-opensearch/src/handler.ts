// The Lambda function: configure it as the handler `handler.handler` of the stream's event source mapping, and of the
// dead-letter queue's when you redrive.

import type { PipelineHandler } from "@sluice/core";
import { films } from "./films.ts";

export const handler: PipelineHandler = films.handler();
