// Which changes are logged, and what a line says of them.

import { type Pipeline, pipeline, sqsDeadLetterQueue, type UnknownItem } from "@sluice/core";
import { required } from "./environment.ts";
import { jsonLines } from "./json-lines.ts";

export const changeLog: Pipeline<UnknownItem> = pipeline("change-log", {
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
}).to(
  jsonLines({ path: required("CHANGE_LOG_PATH") }),
  ({ kind, version, keys, after }) => ({ kind, version, keys, after }),
  // Whoever reads the log discards repeats by the idempotency key in each line.
  { dedupe: "none" },
);
