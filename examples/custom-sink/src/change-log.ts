// The pipeline. For each change it logs one line of JSON with the members that the mapper returns.

import {
  onFailureDestinationReader,
  type Pipeline,
  pipeline,
  sqsDeadLetterQueue,
  type UnknownItem,
} from "@sluice/core";
import { required } from "./environment.ts";
import { jsonLines } from "./json-lines.ts";

/** The pipeline of the function. */
export const changeLog: Pipeline<UnknownItem> = pipeline("change-log", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
}).to(
  jsonLines({ path: required("CHANGE_LOG_PATH") }),
  ({ kind, version, keys, after }) => ({ kind, version, keys, after }),
  // Duplicate lines are allowed: readers of the log can recognize a duplicate by its idempotency key.
  { dedupe: "none" },
);
