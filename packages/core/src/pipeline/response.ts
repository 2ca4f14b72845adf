// The handler's response.

import type { OutcomeCounts } from "../observe/report.ts";
import type { MessageOutcome } from "./task-answer.ts";

/** The records that Lambda must deliver again. Lambda restarts a stream at the lowest of these records. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
  /** Outcome of each message or record, in the order of the event, if the event has a task: `sluice: { task: "redrive" }`. */
  outcomes?: MessageOutcome[];
  /** Outcomes of each route, if the task is a backfill or a replay. */
  counts?: { readonly [route: string]: OutcomeCounts };
  /** Names of the routes in the order of the pipeline, if `outcomes` is given. A redrive sends in this order. */
  routes?: readonly string[];
}
