// The states of a run, and what a person or the run's end makes of them.

import type { RunStatus } from "../api/runs.ts";

/** What a person asks of a run. */
export type RunAction = "pause" | "resume" | "cancel";

/** How the host's call ended. `stopped`: before the end of the work. */
export type CallEnd = "finished" | "stopped" | "failed";

/** Undefined: the action is not possible in this state. The same state: there is nothing to do. */
const next: Readonly<Record<RunAction, Partial<Record<RunStatus, RunStatus>>>> = {
  pause: { running: "pausing", pausing: "pausing", paused: "paused" },
  resume: { paused: "running", running: "running" },
  cancel: {
    running: "cancelling",
    pausing: "cancelling",
    paused: "cancelled",
    cancelling: "cancelling",
    cancelled: "cancelled",
  },
};

/** Returns the state after an action; undefined if the action is not possible. */
export const afterAction = (state: RunStatus, action: RunAction): RunStatus | undefined => next[action][state];

/** Returns the state after the end of the host's call. A run that finishes in spite of a pause is done. */
export const afterCall = (state: RunStatus, end: CallEnd): RunStatus => {
  if (end === "finished") return "done";
  if (end === "failed") return "failed";
  return state === "cancelling" ? "cancelled" : "paused";
};
