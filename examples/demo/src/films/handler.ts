// The Lambda function of the demo, which keeps a row of Postgres for each film. `sluice redrive` runs it by hand.

import type { PipelineHandler } from "@sluice/core";
import { films } from "./films.ts";

/** The handler of the Lambda function. */
export const handler: PipelineHandler = films.handler();
