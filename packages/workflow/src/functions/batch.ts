// The Lambda function of the state "Redrive a batch", configured by environment variables.

import { type BatchHandler, batchHandler } from "../redrive/batch.ts";
import { lambdaFix } from "../redrive/fix.ts";
import { batchFromEnvironment } from "./environment.ts";

const hasFix = (process.env.SLUICE_FIX_FUNCTION ?? "") !== "";

/** The handler. */
export const handler: BatchHandler = batchHandler({ ...batchFromEnvironment(), ...(hasFix && { fix: lambdaFix() }) });
