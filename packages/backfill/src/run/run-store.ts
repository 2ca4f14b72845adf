// Where the state of a run is kept. A store notices when two processes work on one run.

import type { RunState } from "./run-state.ts";

/** The state of one run, in its place. A store is used by one process at a time. */
export interface RunStore {
  /** The place, for people: a file's path, a URL, or a table's item. */
  readonly place: string;
  /**
   * Takes the run for this process, and returns its state; undefined if the run does not exist yet.
   * @throws {RunStateError} when the text in the place is not the state of this run
   * @throws {RunTakenError} when another process works on the run
   */
  readonly open: () => Promise<RunState | undefined>;
  /** Replaces the state. @throws {RunTakenError} when another process has replaced it since `open` or the last `save` */
  readonly save: (state: RunState) => Promise<void>;
  /** Gives the run back, so that another process may take it. */
  readonly close: () => Promise<void>;
}

/** Another process works on the run, or has begun to. */
export class RunTakenError extends Error {
  override name = "RunTakenError";
}

/** Creates the error for a place that another process has written. */
export const takenBy = (place: string): RunTakenError =>
  new RunTakenError(
    `another process works on this run: it has replaced ${place}; expected one process. What this one copied stays copied`,
  );

const idPattern = /^[A-Za-z0-9][\w.-]{0,99}$/;

/** Whether a text can be a run's id: it becomes a part of file names, of keys and of `eventID`s. */
export const isRunId = (text: string): boolean => idPattern.test(text);
