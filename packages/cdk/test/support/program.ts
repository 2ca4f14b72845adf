// The function that a test bundles.

import { type PipelineHandler, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { memoryUpsertSink } from "@sluice/testing";

const { DEAD_LETTER_QUEUE_URL: queueUrl = "" } = process.env;

/** The handler. */
export const handler: PipelineHandler = pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl }) })
  .to<unknown, "upsert">(memoryUpsertSink<unknown>(), (change) => change.after)
  .handler();
