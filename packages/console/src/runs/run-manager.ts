// The runs that the console started.

import { untilAborted } from "@sluice/core/sink-kit";
import { isLive, type RunInput, type RunView } from "../api/runs.ts";
import { HttpError } from "../server/http-error.ts";
import { actOn, closeRun, type Run, type RunWorld, startRun } from "./run.ts";
import type { RunAction } from "./run-state.ts";

/** The runs of a console. */
export interface RunManager {
  readonly start: (input: RunInput) => RunView;
  readonly act: (id: string, action: RunAction) => RunView;
  readonly get: (id: string) => RunView;
  /** Newest first. */
  readonly list: () => readonly RunView[];
  /** Calls the listener with each new state of a run. Returns the function that ends this. */
  readonly onRun: (listener: (run: RunView) => void) => () => void;
  /** Stops all runs, and waits for their ends, but at most 10 s. */
  readonly close: () => Promise<void>;
}

/** What runs need. */
export interface RunManagerOptions extends Pick<RunWorld, "host" | "onError"> {
  /** Number of ended runs that are remembered. Default 50. */
  readonly remembered?: number;
}

/** Longest time that runs may take to end when the console ends. */
const closeMs = 10_000;

const isLiveRun = ({ view }: Run): boolean => isLive(view.state);

/** Two runs of a kind would work on the same items, and each would count what the other did. */
const checkFree = (runs: readonly Run[], { kind, pipeline }: RunInput): void => {
  const isSame = ({ view }: Run): boolean => view.input.kind === kind && view.input.pipeline === pipeline;
  const other = runs.find((run) => isSame(run) && isLiveRun(run));
  if (other === undefined) return;
  const { id, state } = other.view;
  const expected = state === "paused" ? "it to be resumed or cancelled first" : "it to end first";
  throw new HttpError("RUN_EXISTS", `the ${kind} ${id} of this pipeline is ${state}; expected ${expected}`);
};

/** Creates the runs of a console. */
export const createRuns = ({ host, onError, remembered = 50 }: RunManagerOptions): RunManager => {
  const runs = new Map<string, Run>();
  const listeners = new Set<(run: RunView) => void>();
  let isClosing = false;

  const forget = (): void => {
    const ended = [...runs.values()].filter((run) => !isLiveRun(run));
    for (const { view } of ended.slice(0, Math.max(0, ended.length - remembered))) runs.delete(view.id);
  };
  const onRun = (view: RunView): void => {
    for (const listener of listeners) listener(view);
    if (!isLive(view.state)) forget();
  };
  const world: RunWorld = { host, onError, onRun };
  const find = (id: string): Run => {
    const run = runs.get(id);
    if (run === undefined) throw new HttpError("SUBJECT_UNKNOWN", "no run has this id; expected one of the list");
    return run;
  };
  const checkOpen = (): void => {
    if (isClosing) throw new HttpError("CLOSING", "the console ends; expected no new work");
  };
  return {
    start: (input) => {
      checkOpen();
      checkFree([...runs.values()], input);
      const run = startRun(world, input);
      runs.set(run.view.id, run);
      return run.view;
    },
    act: (id, action) => {
      checkOpen();
      const run = find(id);
      actOn(world, run, action);
      return run.view;
    },
    get: (id) => find(id).view,
    list: () => [...runs.values()].map(({ view }) => view).reverse(),
    onRun: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      isClosing = true;
      const ended = Promise.all([...runs.values()].map((run) => closeRun(world, run)));
      const late = (): Error => new Error(`runs did not end; expected their end within ${closeMs / 1_000} s`);
      await untilAborted(ended, AbortSignal.timeout(closeMs), late).catch((error) => onError(error, "runs"));
    },
  };
};
