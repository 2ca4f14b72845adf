// Keeps a process with the user's module running: a new one when the module has changed, or when the process has ended.
// Invocations wait while there is no process. An invocation in flight is finished by the process that began it.

import { setTimeout as sleep } from "node:timers/promises";
import type { DevCall } from "../dev-run.ts";
import type { InvokeInput, LoadedModule } from "../worker/messages.ts";
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

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class TimedOutError extends Error {
  constructor(ms: number) {
    super(`Task timed out after ${ms / 1000} seconds`);
    this.name = "Sandbox.Timedout";
  }
}

/** Creates the supervisor of a module. No process is started yet. */
export const createSupervisor = (options: SupervisorOptions): Supervisor => {
  const { module, functionTimeoutMs } = options;
  /** The process that gets invocations; undefined while the module is broken, or while its process is started again. */
  let serving: WorkerProcess | undefined;
  /** The process that answers calls: the last one that could be loaded. */
  let answering: WorkerProcess | undefined;
  /** The process that loads the module. */
  let loading: WorkerProcess | undefined;
  let loaded: LoadedModule | undefined;
  let generation = 0;
  let isStopped = false;
  let startedAt = 0;
  let backoffMs = firstBackoffMs;
  let waiting: (() => void)[] = [];
  const all = new Set<WorkerProcess>();
  /** Numbers of invocations and of calls that have no answer yet. */
  const inFlight = new Map<WorkerProcess, number>();
  const calls = new Map<WorkerProcess, number>();
  const stopping = new AbortController();

  const tell = (status: SupervisorState["status"], reason?: string): void =>
    options.onState({ status, since: Date.now(), ...(reason !== undefined && { reason }) }, loaded);
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resume of woken) resume();
  };
  const count = (counts: Map<WorkerProcess, number>, worker: WorkerProcess, change: number): void => {
    counts.set(worker, (counts.get(worker) ?? 0) + change);
  };

  /** Ends a process that serves no longer, when its invocations and calls have ended, and its reports are sent. */
  const retire = async (worker: WorkerProcess): Promise<void> => {
    const endsAt = Date.now() + functionTimeoutMs;
    const isBusy = (): boolean =>
      ((inFlight.get(worker) ?? 0) > 0 && Date.now() < endsAt) || (calls.get(worker) ?? 0) > 0;
    while (worker.isAlive() && isBusy() && !isStopped) await sleep(20);
    if (!isStopped) await sleep(reportDelayMs);
    await worker.kill();
  };

  const start = (): WorkerProcess => {
    const worker = options.startWorker();
    all.add(worker);
    void worker.ended.then((reason) => {
      all.delete(worker);
      inFlight.delete(worker);
      calls.delete(worker);
      if (answering === worker) answering = undefined;
      if (serving === worker) onCrash(reason);
    });
    return worker;
  };

  /** Loads the module again after a delay that grows, unless something else happens first. */
  const reloadLater = (): void => {
    const mine = generation;
    backoffMs = Math.min(2 * backoffMs, longestBackoffMs);
    void sleep(backoffMs, undefined, { signal: stopping.signal }).then(
      () => (mine === generation ? reload() : undefined),
      () => undefined,
    );
  };

  /** The process has ended by itself. A process that is loading already takes its place. */
  const onCrash = (reason: string): void => {
    serving = undefined;
    if (isStopped) return;
    if (Date.now() - startedAt > healthyMs) backoffMs = firstBackoffMs;
    tell("restarting", reason);
    if (loading === undefined) reloadLater();
  };

  const serve = (worker: WorkerProcess, found: LoadedModule): void => {
    const before = new Set([serving, answering]);
    before.delete(worker);
    serving = worker;
    answering = worker;
    loaded = found;
    startedAt = Date.now();
    tell("running");
    wake();
    for (const old of before) if (old !== undefined) void retire(old);
  };

  const markBroken = (reason: string): void => {
    generation += 1;
    void loading?.kill();
    loading = undefined;
    serving = undefined;
    tell("broken", reason);
  };

  const reload = async (): Promise<void> => {
    generation += 1;
    const mine = generation;
    const isCurrent = (): boolean => mine === generation && !isStopped;
    void loading?.kill();
    if (loaded !== undefined) tell("restarting");
    const worker = start();
    loading = worker;
    let isLoaded = false;
    const prepare = async (): Promise<LoadedModule> => {
      const found = (await worker.ask("load", module)) as LoadedModule;
      isLoaded = true;
      await worker.ask("prepare", await options.place(found));
      return found;
    };
    try {
      const found = await within(loadTimeoutMs, prepare(), () => new TimedOutError(loadTimeoutMs));
      if (!isCurrent()) return await worker.kill();
      loading = undefined;
      serve(worker, found);
    } catch (error) {
      await worker.kill();
      if (!isCurrent()) return;
      markBroken(messageOf(error));
      // Its targets may be there soon. What is wrong with the module itself changes with its files only.
      if (isLoaded) reloadLater();
    }
  };

  const acquire = async (maxWaitMs: number): Promise<WorkerProcess> => {
    const endsAt = Date.now() + maxWaitMs;
    for (;;) {
      if (isStopped) throw new Error("the command stops");
      if (serving?.isAlive()) return serving;
      const woken = new Promise<void>((resume) => waiting.push(resume));
      await within(Math.max(0, endsAt - Date.now()), woken, () => new Error(`${module} is not running`));
    }
  };

  const invoke: Supervisor["invoke"] = async (event, context, maxWaitMs) => {
    const worker = await acquire(maxWaitMs);
    count(inFlight, worker, 1);
    try {
      const input: InvokeInput = { ...context, event, deadline: Date.now() + functionTimeoutMs };
      const answered = worker.ask("invoke", input);
      return await within(functionTimeoutMs, answered, () => new TimedOutError(functionTimeoutMs));
    } catch (error) {
      // Like Lambda, ends the process of an invocation that timed out: it would go on beside the retry.
      if (error instanceof TimedOutError) await worker.kill();
      throw error;
    } finally {
      count(inFlight, worker, -1);
    }
  };

  /** Ends the process of a call that does not end after its abort: its module's code may loop, and never return. */
  const endAfterAbort = async (
    worker: WorkerProcess,
    answered: Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> => {
    const isAborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const ended = answered.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([isAborted, ended]);
    await within(functionTimeoutMs + abortMs, ended, () => new TimedOutError(functionTimeoutMs)).catch(worker.kill);
  };

  return {
    reload,
    markBroken,
    invoke,
    call: async (method, input, { signal, onProgress }) => {
      const worker = answering;
      if (worker === undefined) throw new Error(`${module} is not running`);
      count(calls, worker, 1);
      try {
        const answered = worker.ask("call", { method, input }, { signal, ...(onProgress && { onProgress }) });
        void endAfterAbort(worker, answered, signal);
        return await answered;
      } finally {
        count(calls, worker, -1);
      }
    },
    stop: async () => {
      isStopped = true;
      stopping.abort();
      wake();
      // The answer follows the reports. A process that is busy does not answer.
      const flushed = serving?.ask("flush", null).catch(() => undefined);
      await within(reportDelayMs, Promise.resolve(flushed), () => new Error("late")).catch(() => undefined);
      await Promise.all([...all].map((worker) => worker.kill()));
    },
  };
};
