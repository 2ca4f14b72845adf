// The event that sends records to a pipeline's handler, and the handler's answer.

import type { MessageOutcome, OutcomeCounts, StreamRecord } from "@sluice/core/envelope";

/** The event of a backfill or a replay. */
export interface TaskEvent {
  readonly sluice: {
    readonly task: "backfill" | "replay";
    readonly routes?: readonly string[];
    readonly dryRun?: true;
  };
  readonly Records: readonly StreamRecord[];
}

/** The answer to a task. `outcomes` has one entry for each record, in the order of the event. */
export interface TaskAnswer {
  readonly outcomes: readonly MessageOutcome[];
  /** Outcomes of each route. A dry run has none. */
  readonly counts?: { readonly [route: string]: OutcomeCounts };
  /** Names of the pipeline's routes, in their order. */
  readonly routes: readonly string[];
}

/**
 * Calls a pipeline's handler with an event, in this process or in Lambda, and resolves with its answer.
 * @throws when the function failed as a whole.
 */
export type Invoke = (event: TaskEvent, signal: AbortSignal) => Promise<TaskAnswer>;
