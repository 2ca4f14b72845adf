// Keeps a process with the user's module running: a new one when the module has changed, or when the process has ended.
// Invocations wait while there is no process. An invocation in flight is finished by the process that began it.

import { setTimeout as sleep } from "node:timers/promises";
import type { DevCall } from "../dev-run.ts";
import type { InvokeInput, LoadedModule } from "../worker/messages.ts";
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
/** A process that ran so long did not end because of its start. */
const healthyMs = 30_000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const timedOut = (ms: number): Error => new Error(`Task timed out after ${ms / 1000} seconds`);

/** Rejects when the time is over. */
const within = async <Value>(ms: number, promise: Promise<Value>, error: () => Error): Promise<Value> => {
  const timer = new AbortController();
  const expired = sleep(ms, undefined, { signal: timer.signal }).then(
    () => Promise.reject(error()),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([promise, expired]);
  } finally {
    timer.abort();
  }
};

/** Creates the supervisor of a module. No process is started yet. */
export const createSupervisor = (options: SupervisorOptions): Supervisor => {
  const { module, functionTimeoutMs } = options;
  /** The process that gets invocations; undefined while the module is broken, or while its process is started again. */
  let serving: WorkerProcess | undefined;
  /** The process that answers calls: the last one that could be loaded. */
  let answering: WorkerProcess | undefined;
  let loaded: LoadedModule | undefined;
  let generation = 0;
  let isStopped = false;
  let startedAt = 0;
  let backoffMs = firstBackoffMs;
  let waiting: (() => void)[] = [];
  const all = new Set<WorkerProcess>();
  const inFlight = new Map<WorkerProcess, number>();
  const stopping = new AbortController();

  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resume of woken) resume();
  };
  const tell = (status: SupervisorState["status"], reason?: string): void =>
    options.onState({ status, since: Date.now(), ...(reason !== undefined && { reason }) }, loaded);

  const isIdle = (worker: WorkerProcess): boolean => (inFlight.get(worker) ?? 0) === 0;

  /** Ends a process that serves no longer, when its invocations have ended, and its reports are sent. */
  const retire = async (worker: WorkerProcess): Promise<void> => {
    const endsAt = Date.now() + functionTimeoutMs;
    while (worker.isAlive() && !isIdle(worker) && Date.now() < endsAt && !isStopped) await sleep(20);
    if (!isStopped) await sleep(reportDelayMs);
    await worker.kill();
  };

  const start = (): WorkerProcess => {
    const worker = options.startWorker();
    all.add(worker);
    void worker.ended.then((reason) => {
      all.delete(worker);
      if (answering === worker) answering = undefined;
      if (serving === worker) onCrash(reason);
    });
    return worker;
  };

  const prepare = async (worker: WorkerProcess): Promise<LoadedModule> => {
    const found = (await worker.ask("load", module)) as LoadedModule;
    const place = await options.place(found);
    await worker.ask("prepare", place);
    return found;
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
    serving = undefined;
    tell("broken", reason);
  };

  const reload = async (): Promise<void> => {
    generation += 1;
    const mine = generation;
    if (loaded !== undefined) tell("restarting");
    const worker = start();
    try {
      const found = await within(loadTimeoutMs, prepare(worker), () => timedOut(loadTimeoutMs));
      if (mine === generation && !isStopped) serve(worker, found);
      else await worker.kill();
    } catch (error) {
      await worker.kill();
      if (mine === generation && !isStopped) markBroken(messageOf(error));
    }
  };

  /** The process has ended by itself: a new one is started, after a delay that grows. */
  const onCrash = (reason: string): void => {
    serving = undefined;
    if (isStopped) return;
    generation += 1;
    const mine = generation;
    backoffMs = Date.now() - startedAt > healthyMs ? firstBackoffMs : Math.min(2 * backoffMs, longestBackoffMs);
    tell("restarting", reason);
    void sleep(backoffMs, undefined, { signal: stopping.signal }).then(
      () => (mine === generation ? reload() : undefined),
      () => undefined,
    );
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
    inFlight.set(worker, (inFlight.get(worker) ?? 0) + 1);
    try {
      const input: InvokeInput = { ...context, event, deadline: Date.now() + functionTimeoutMs };
      return await within(functionTimeoutMs, worker.ask("invoke", input), () => timedOut(functionTimeoutMs));
    } catch (error) {
      // Like Lambda, ends the process of an invocation that timed out: it would go on beside the retry.
      if (messageOf(error) === timedOut(functionTimeoutMs).message) await worker.kill();
      throw error;
    } finally {
      inFlight.set(worker, (inFlight.get(worker) ?? 1) - 1);
    }
  };

  return {
    reload,
    markBroken,
    invoke,
    call: async (method, input, { signal, onProgress }) => {
      if (answering === undefined) throw new Error(`${module} is not running`);
      return answering.ask("call", { method, input }, { signal, ...(onProgress && { onProgress }) });
    },
    stop: async () => {
      isStopped = true;
      stopping.abort();
      wake();
      await Promise.all([...all].map((worker) => worker.kill()));
    },
  };
};
