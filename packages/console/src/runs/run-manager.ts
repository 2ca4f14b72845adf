// The runs that the console started. Each is one call of the host, or several, if it was paused in between.

import { randomBytes } from "node:crypto";
import type { RunInput, RunProgress, RunView } from "../api/runs.ts";
import type { ConsoleHost } from "../host.ts";
import { errorAnswer, HttpError } from "../server/http-error.ts";
import { afterAction, afterCall, type CallEnd, isLive, type RunAction } from "./run-state.ts";

/** The runs of a console. */
export interface RunManager {
  readonly start: (input: RunInput) => RunView;
  readonly act: (id: string, action: RunAction) => RunView;
  /** Newest first. */
  readonly list: () => readonly RunView[];
  /** Calls the listener with each new state of a run. Returns the function that ends this. */
  readonly onRun: (listener: (run: RunView) => void) => () => void;
  /** Stops all runs, and waits for their ends. */
  readonly close: () => Promise<void>;
}

/** What runs need. */
export interface RunManagerOptions {
  readonly host: Pick<ConsoleHost, "run" | "commandOf">;
  readonly onError: (error: unknown, subject: string) => void;
  /** Number of ended runs that are remembered. Default 50. */
  readonly remembered?: number;
}

/** The shortest time between two reports of a run's progress. */
const progressMs = 250;

/** A run, with what its call needs. */
interface Run {
  view: RunView;
  stop: AbortController | undefined;
  ended: Promise<void>;
  timer: NodeJS.Timeout | undefined;
  toldAt: number;
}

const canPause = ({ state, input }: Pick<RunView, "state" | "input">): boolean =>
  state === "running" && !("isDryRun" in input && input.isDryRun === true);

const newView = (input: RunInput, command: string): RunView => ({
  id: `${input.kind}-${randomBytes(6).toString("hex")}`,
  input,
  state: "running",
  progress: undefined,
  result: undefined,
  error: undefined,
  startedAt: Date.now(),
  endedAt: undefined,
  canPause: canPause({ state: "running", input }),
  command,
});

/** Whether the call ended because it was told to. */
const isStop = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted && (error === signal.reason || (error instanceof Error && error.name === "AbortError"));

/** Creates the runs of a console. */
export const createRuns = ({ host, onError, remembered = 50 }: RunManagerOptions): RunManager => {
  const runs = new Map<string, Run>();
  const listeners = new Set<(run: RunView) => void>();
  let isClosing = false;

  const tell = (run: Run): void => {
    clearTimeout(run.timer);
    run.timer = undefined;
    run.toldAt = Date.now();
    for (const listener of listeners) listener(run.view);
  };
  const set = (run: Run, change: Partial<RunView>): void => {
    const view = { ...run.view, ...change };
    run.view = { ...view, canPause: canPause(view) };
    tell(run);
  };
  const forget = (): void => {
    const ended = [...runs.values()].filter(({ view }) => !isLive(view.state));
    for (const { view } of ended.slice(0, Math.max(0, ended.length - remembered))) runs.delete(view.id);
  };
  const note = (run: Run, progress: RunProgress): void => {
    run.view = { ...run.view, progress };
    run.timer ??= setTimeout(() => tell(run), Math.max(0, Math.min(progressMs, run.toldAt + progressMs - Date.now())));
  };
  const end = (run: Run, how: CallEnd, change: Partial<RunView>): void => {
    const state = afterCall(run.view.state, how);
    run.stop = undefined;
    set(run, { ...change, state, endedAt: isLive(state) ? undefined : Date.now() });
    forget();
  };
  const fail = (run: Run, error: unknown, signal: AbortSignal): void => {
    if (isStop(error, signal)) {
      end(run, "stopped", {});
      return;
    }
    const { message, isUnexpected } = errorAnswer(error);
    if (isUnexpected) onError(error, `run ${run.view.id}`);
    end(run, "failed", { error: message });
  };
  const call = async (run: Run): Promise<void> => {
    const stop = new AbortController();
    run.stop = stop;
    const { id, input } = run.view;
    const onProgress = (progress: RunProgress): void => {
      if (run.stop === stop) note(run, progress);
    };
    try {
      const result = await host.run(input, { id, signal: stop.signal, onProgress });
      end(run, result === undefined ? "stopped" : "finished", { result });
    } catch (error) {
      fail(run, error, stop.signal);
    }
  };
  const checkFree = ({ kind, pipeline }: RunInput): void => {
    if (isClosing) throw new HttpError("CLOSING", "the console ends");
    const other = [...runs.values()].find(
      ({ view }) => view.input.kind === kind && view.input.pipeline === pipeline && isLive(view.state),
    );
    if (other === undefined) return;
    const found = `the ${kind} ${other.view.id} of this pipeline is ${other.view.state}`;
    throw new HttpError("RUN_EXISTS", `${found}; expected it to end first: resume or cancel it`);
  };
  const begin = (run: Run): void => {
    run.ended = call(run);
  };
  const find = (id: string): Run => {
    const run = runs.get(id);
    if (run === undefined) throw new HttpError("SUBJECT_UNKNOWN", "no run has this id; expected one of the list");
    return run;
  };
  const checkPause = ({ view }: Run, action: RunAction): void => {
    if (action !== "pause" || view.state !== "running" || view.canPause) return;
    throw new HttpError("RUN_STATE", "a dry run cannot pause; expected to cancel it");
  };
  return {
    start: (input) => {
      checkFree(input);
      const view = newView(input, host.commandOf(input));
      const run: Run = { view, stop: undefined, ended: Promise.resolve(), timer: undefined, toldAt: 0 };
      runs.set(view.id, run);
      tell(run);
      begin(run);
      return run.view;
    },
    act: (id, action) => {
      const run = find(id);
      const { state } = run.view;
      checkPause(run, action);
      const after = afterAction(state, action);
      if (after === undefined) {
        throw new HttpError("RUN_STATE", `the run is ${state}; expected a run that can ${action}`);
      }
      if (after === state) return run.view;
      if (isClosing) throw new HttpError("CLOSING", "the console ends");
      set(run, { state: after, endedAt: isLive(after) ? undefined : Date.now() });
      if (action === "resume") begin(run);
      else run.stop?.abort();
      return run.view;
    },
    list: () => [...runs.values()].map(({ view }) => view).reverse(),
    onRun: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      isClosing = true;
      const live = [...runs.values()].filter(({ stop }) => stop !== undefined);
      for (const run of live) if (run.view.state === "running") set(run, { state: "pausing" });
      for (const { stop } of live) stop?.abort();
      await Promise.all(live.map(({ ended }) => ended));
    },
  };
};
