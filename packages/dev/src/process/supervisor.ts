// Keeps a process with the user's module running: a new one when the module has changed, or when the process has ended.
// Invocations wait while there is no process. An invocation in flight is finished by the process that began it.

import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../dev-error.ts";
import type { DevCall } from "../dev-run.ts";
import type { InvokeInput, LoadedModule } from "../worker/messages.ts";
import { endAfterAbort } from "./abort.ts";
import { within } from "./within.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** How a pipeline is. */
export interface SupervisorState {
  readonly status: "starting" | "running" | "restarting" | "broken";
  readonly reason?: string;
  readonly since: number;
}

/** What a supervisor needs. */
export interface SupervisorOptions {
  readonly module: string;
  readonly startWorker: () => WorkerProcess;
  /** Creates what the module needs around it, and returns the input of the task `prepare`. */
  readonly place: (loaded: LoadedModule) => Promise<unknown>;
  readonly functionTimeoutMs: number;
  readonly onState: (state: SupervisorState, loaded: LoadedModule | undefined) => void;
}

/** Keeps the process of a pipeline running. */
export interface Supervisor {
  /** Starts a process with the module as it is now, and hands over to it. Resolves when it serves, or when it is broken. */
  readonly reload: () => Promise<void>;
  /** The module cannot be loaded. Changes wait until the next `reload`. */
  readonly markBroken: (reason: string) => void;
  /** Resolves when the process has answered. Waits while there is no process, but not longer than `maxWaitMs`. */
  readonly invoke: (
    event: unknown,
    context: Pick<InvokeInput, "requestId" | "functionName">,
    maxWaitMs: number,
  ) => Promise<unknown>;
  /** Calls a method. While the module is broken, the last process that could be loaded answers. */
  readonly call: (method: string, input: unknown, call: DevCall) => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

/** Time that a process has to load the module, and to prepare its targets. */
const loadTimeoutMs = 60_000;
/** Reports are sent this much later, at most. */
const reportDelayMs = 200;
const firstBackoffMs = 250;
const longestBackoffMs = 10_000;
/** Time that a call has, beside an invocation that it may have begun, to end after its abort. */
const abortMs = 5_000;
/** A process that ran so long did not end because of its start. */
const healthyMs = 30_000;

class TimedOutError extends Error {
  constructor(ms: number) {
    super(`Task timed out after ${ms / 1000} seconds`);
    this.name = "Sandbox.Timedout";
  }
}

/** What a supervisor knows. */
interface SupervisorRun {
  readonly options: SupervisorOptions;
  /** The process that gets invocations; undefined while the module is broken, or while its process is started again. */
  serving: WorkerProcess | undefined;
  /** The process that answers calls: the last one that could be loaded. */
  answering: WorkerProcess | undefined;
  /** The process that loads the module. */
  loading: WorkerProcess | undefined;
  loaded: LoadedModule | undefined;
  generation: number;
  isStopped: boolean;
  startedAt: number;
  backoffMs: number;
  /** Ends the wait for the next try to load the module. Each generation has its own. */
  retry: AbortController;
  /** Wake the invocations that wait for a process. */
  waiting: (() => void)[];
  readonly all: Set<WorkerProcess>;
  /** Numbers of invocations and of calls that have no answer yet. */
  readonly inFlight: WeakMap<WorkerProcess, number>;
  readonly calls: WeakMap<WorkerProcess, number>;
}

const newRun = (options: SupervisorOptions): SupervisorRun => ({
  options,
  serving: undefined,
  answering: undefined,
  loading: undefined,
  loaded: undefined,
  generation: 0,
  isStopped: false,
  startedAt: 0,
  backoffMs: firstBackoffMs,
  retry: new AbortController(),
  waiting: [],
  all: new Set(),
  inFlight: new WeakMap(),
  calls: new WeakMap(),
});

const tell = ({ options, loaded }: SupervisorRun, status: SupervisorState["status"], reason?: string): void =>
  options.onState({ status, since: Date.now(), ...(reason !== undefined && { reason }) }, loaded);

const wake = (run: SupervisorRun): void => {
  const woken = run.waiting;
  run.waiting = [];
  for (const resume of woken) resume();
};

const notRunning = ({ options }: SupervisorRun): Error => new Error(`${options.module} is not running`);

const numberOf = (counts: WeakMap<WorkerProcess, number>, worker: WorkerProcess): number => counts.get(worker) ?? 0;

/** Counts work of a process while it lasts. */
const counted = async <Value>(
  counts: WeakMap<WorkerProcess, number>,
  worker: WorkerProcess,
  work: () => Promise<Value>,
): Promise<Value> => {
  counts.set(worker, numberOf(counts, worker) + 1);
  try {
    return await work();
  } finally {
    counts.set(worker, numberOf(counts, worker) - 1);
  }
};

/** Ends a process that serves no longer, when its invocations and calls have ended, and its reports are sent. */
const retire = async (run: SupervisorRun, worker: WorkerProcess): Promise<void> => {
  const endsAt = Date.now() + run.options.functionTimeoutMs;
  const isBusy = (): boolean =>
    (numberOf(run.inFlight, worker) > 0 && Date.now() < endsAt) || numberOf(run.calls, worker) > 0;
  while (worker.isAlive() && isBusy() && !run.isStopped) await sleep(20);
  if (!run.isStopped) await sleep(reportDelayMs);
  await worker.kill();
};

/** What was planned for the module as it was before no longer happens. */
const beginGeneration = (run: SupervisorRun): void => {
  run.generation += 1;
  run.retry.abort();
  run.retry = new AbortController();
  void run.loading?.kill();
};

/** Loads the module again after a delay that grows, unless something else happens first. */
const reloadLater = (run: SupervisorRun): void => {
  run.backoffMs = Math.min(2 * run.backoffMs, longestBackoffMs);
  void sleep(run.backoffMs, undefined, { signal: run.retry.signal }).then(
    () => reload(run),
    () => undefined,
  );
};

/** The process has ended by itself. A process that is loading already takes its place. */
const onCrash = (run: SupervisorRun, reason: string): void => {
  run.serving = undefined;
  if (run.isStopped) return;
  if (Date.now() - run.startedAt > healthyMs) run.backoffMs = firstBackoffMs;
  tell(run, "restarting", reason);
  if (run.loading === undefined) reloadLater(run);
};

const onEnd = (run: SupervisorRun, worker: WorkerProcess, reason: string): void => {
  run.all.delete(worker);
  if (run.answering === worker) run.answering = undefined;
  if (run.serving === worker) onCrash(run, reason);
};

const start = (run: SupervisorRun): WorkerProcess => {
  const worker = run.options.startWorker();
  run.all.add(worker);
  void worker.ended.then((reason) => onEnd(run, worker, reason));
  return worker;
};

/** The process gets invocations and calls from now on. */
const serve = (run: SupervisorRun, worker: WorkerProcess, found: LoadedModule): void => {
  const before = new Set([run.serving, run.answering]);
  before.delete(worker);
  run.loading = undefined;
  run.serving = worker;
  run.answering = worker;
  run.loaded = found;
  run.startedAt = Date.now();
  tell(run, "running");
  wake(run);
  for (const old of before) if (old !== undefined) void retire(run, old);
};

const markBroken = (run: SupervisorRun, reason: string): void => {
  beginGeneration(run);
  run.loading = undefined;
  run.serving = undefined;
  tell(run, "broken", reason);
};

/** Loads the module in a process, and prepares its targets. */
const prepare = async (run: SupervisorRun, worker: WorkerProcess, onLoaded: () => void): Promise<LoadedModule> => {
  const found = (await worker.ask("load", run.options.module)) as LoadedModule;
  onLoaded();
  await worker.ask("prepare", await run.options.place(found));
  return found;
};

const reload = async (run: SupervisorRun): Promise<void> => {
  beginGeneration(run);
  const mine = run.generation;
  const isCurrent = (): boolean => mine === run.generation && !run.isStopped;
  if (run.loaded !== undefined) tell(run, "restarting");
  const worker = start(run);
  run.loading = worker;
  let isLoaded = false;
  const prepared = prepare(run, worker, () => {
    isLoaded = true;
  });
  try {
    const found = await within(loadTimeoutMs, prepared, () => new TimedOutError(loadTimeoutMs));
    if (!isCurrent()) return await worker.kill();
    serve(run, worker, found);
  } catch (error) {
    await worker.kill();
    if (!isCurrent()) return;
    markBroken(run, messageOf(error));
    // Its targets may be there soon. What is wrong with the module itself changes with its files only.
    if (isLoaded) reloadLater(run);
  }
};

/** Waits for the process that gets invocations. */
const acquire = async (run: SupervisorRun, maxWaitMs: number): Promise<WorkerProcess> => {
  const endsAt = Date.now() + maxWaitMs;
  for (;;) {
    if (run.isStopped) throw new Error("the command stops");
    if (run.serving?.isAlive()) return run.serving;
    const woken = new Promise<void>((resume) => run.waiting.push(resume));
    await within(Math.max(0, endsAt - Date.now()), woken, () => notRunning(run));
  }
};

/** Like Lambda, ends the process of an invocation that timed out: it would go on beside the retry. */
const invokeWithin = async (worker: WorkerProcess, timeoutMs: number, input: InvokeInput): Promise<unknown> => {
  try {
    return await within(timeoutMs, worker.ask("invoke", input), () => new TimedOutError(timeoutMs));
  } catch (error) {
    if (error instanceof TimedOutError) await worker.kill();
    throw error;
  }
};

const invoke = async (
  run: SupervisorRun,
  input: Omit<InvokeInput, "deadline">,
  maxWaitMs: number,
): Promise<unknown> => {
  const { functionTimeoutMs } = run.options;
  const worker = await acquire(run, maxWaitMs);
  return counted(run.inFlight, worker, () =>
    invokeWithin(worker, functionTimeoutMs, { ...input, deadline: Date.now() + functionTimeoutMs }),
  );
};

const callMethod = async (
  run: SupervisorRun,
  question: { readonly method: string; readonly input: unknown },
  { signal, onProgress }: DevCall,
): Promise<unknown> => {
  const worker = run.answering;
  if (worker === undefined) throw notRunning(run);
  return counted(run.calls, worker, () => {
    const answered = worker.ask("call", question, { signal, ...(onProgress && { onProgress }) });
    void endAfterAbort(answered, { signal, maxMs: run.options.functionTimeoutMs + abortMs, kill: worker.kill });
    return answered;
  });
};

/** Waits for the reports of the process: its answer follows them. A process that is busy does not answer. */
const flush = async ({ serving }: SupervisorRun): Promise<void> => {
  const flushed = serving?.ask("flush", null).catch(() => undefined);
  await within(reportDelayMs, Promise.resolve(flushed), () => new Error("late")).catch(() => undefined);
};

const stop = async (run: SupervisorRun): Promise<void> => {
  run.isStopped = true;
  run.retry.abort();
  wake(run);
  await flush(run);
  await Promise.all([...run.all].map((worker) => worker.kill()));
};

/** Creates the supervisor of a module. No process is started yet. */
export const createSupervisor = (options: SupervisorOptions): Supervisor => {
  const run = newRun(options);
  return {
    reload: () => reload(run),
    markBroken: (reason) => markBroken(run, reason),
    invoke: (event, context, maxWaitMs) => invoke(run, { ...context, event }, maxWaitMs),
    call: (method, input, call) => callMethod(run, { method, input }, call),
    stop: () => stop(run),
  };
};
