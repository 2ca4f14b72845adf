// The Lambda function. The stream and the retry queue call it.

import { initNamePipeline } from "./pipeline.ts";

/** The handler of the function. */
export const handler = initNamePipeline.handler();
