// One run: one call of the host, or several, if it was paused in between.

import { randomBytes } from "node:crypto";
import { isLive, type RunInput, type RunStep, type RunView } from "../api/runs.ts";
import type { ConsoleHost } from "../host.ts";
import { errorAnswer, HttpError } from "../server/http-error.ts";
import { afterAction, afterCall, type CallEnd, type RunAction } from "./run-state.ts";

/** The world of runs. */
export interface RunWorld {
  readonly host: Pick<ConsoleHost, "run" | "commandOf">;
  /** Called with each new state, and with progress now and then. */
  readonly onRun: (view: RunView) => void;
  readonly onError: (error: unknown, subject: string) => void;
}

/** A run. */
export interface Run {
  view: RunView;
  /** Of the host's call; undefined if there is none. */
  call: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  /** The progress that is still to be reported. */
  timer: NodeJS.Timeout | undefined;
  reportedAt: number;
}

/** The shortest time between two reports of a run's progress. */
const progressMs = 250;

/** A dry run does nothing that would be lost: it is cancelled, and begun again. */
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

const tell = (world: RunWorld, run: Run): void => {
  clearTimeout(run.timer);
  run.timer = undefined;
  run.reportedAt = Date.now();
  world.onRun(run.view);
};

const change = (world: RunWorld, run: Run, members: Partial<RunView>): void => {
  const view = { ...run.view, ...members };
  const endedAt = isLive(view.state) ? undefined : (view.endedAt ?? Date.now());
  run.view = { ...view, endedAt, canPause: canPause(view) };
  tell(world, run);
};

const note = (world: RunWorld, run: Run, progress: RunStep): void => {
  run.view = { ...run.view, progress };
  const waitMs = Math.max(0, Math.min(progressMs, run.reportedAt + progressMs - Date.now()));
  run.timer ??= setTimeout(() => tell(world, run), waitMs);
};

const end = (world: RunWorld, run: Run, how: CallEnd, members: Partial<RunView>): void => {
  run.call = undefined;
  change(world, run, { ...members, state: afterCall(run.view.state, how) });
};

/** Whether the call ended because its signal aborted. */
const isStop = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted && (error === signal.reason || (error instanceof Error && error.name === "AbortError"));

const endByError = (world: RunWorld, run: Run, error: unknown, signal: AbortSignal): void => {
  if (isStop(error, signal)) {
    end(world, run, "stopped", {});
    return;
  }
  const { message, isUnexpected } = errorAnswer(error);
  if (isUnexpected) world.onError(error, `run ${run.view.id}`);
  end(world, run, "failed", { error: message });
};

const callHost = async (world: RunWorld, run: Run, signal: AbortSignal): Promise<void> => {
  const { id, input, result: earlier } = run.view;
  const onProgress = (progress: RunStep): void => {
    // A late report belongs to a call that has ended.
    if (run.call?.stop.signal === signal) note(world, run, progress);
  };
  try {
    // A host need not look whether a signal has aborted already.
    signal.throwIfAborted();
    const result = await world.host.run(input, { id, signal, onProgress, ...(earlier && { earlier }) });
    const isStopped = result === undefined || (result.isPartial === true && signal.aborted);
    end(world, run, isStopped ? "stopped" : "finished", { result: result ?? earlier });
  } catch (error) {
    endByError(world, run, error, signal);
  }
};

/** Calls the host a moment later, so that the answer to the page says that the run has begun. */
const begin = (world: RunWorld, run: Run): void => {
  const stop = new AbortController();
  const ended = Promise.resolve().then(() => callHost(world, run, stop.signal));
  run.call = { stop, ended };
};

/** Starts a run. */
export const startRun = (world: RunWorld, input: RunInput): Run => {
  const run: Run = {
    view: newView(input, world.host.commandOf(input)),
    call: undefined,
    timer: undefined,
    reportedAt: 0,
  };
  begin(world, run);
  tell(world, run);
  return run;
};

/**
 * Does what a person asks. Nothing, if the run is on its way there.
 * @throws {HttpError} RUN_STATE when the run cannot do so in its state.
 */
export const actOn = (world: RunWorld, run: Run, action: RunAction): void => {
  const { state } = run.view;
  const after = afterAction(state, action);
  if (after === undefined) {
    throw new HttpError("RUN_STATE", `the run is ${state}; expected a run that can ${action}`);
  }
  if (after === "pausing" && state === "running" && !canPause(run.view)) {
    throw new HttpError("RUN_STATE", "a dry run cannot pause; expected to cancel it");
  }
  if (after === state) return;
  change(world, run, { state: after });
  if (action === "resume") begin(world, run);
  else run.call?.stop.abort();
};

/** Stops a run, as a pause does, and waits for its end. */
export const closeRun = async (world: RunWorld, run: Run): Promise<void> => {
  if (run.view.state === "running") change(world, run, { state: "pausing" });
  run.call?.stop.abort();
  await run.call?.ended;
};
