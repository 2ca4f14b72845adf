// A turn of a worker: it works on one unit until the unit is done or the function's time is nearly over.

import {
  type Clock,
  checkWhole,
  type InvocationContext,
  invalidOption,
  type LazyClient,
  type PipelineLogger,
  systemClock,
} from "@sluice/core/sink-kit";
import { consoleLogger } from "../redrive/environment.ts";
import { plainLine } from "../redrive/plain-text.ts";
import type { CaughtError } from "../redrive/report.ts";
import { failureOf, UnitFailedError } from "./errors.ts";
import { openRunObjects, type RunObjects, type RunObjectsClient } from "./run-objects.ts";
import { executionName, type Plan } from "./run-plan.ts";
import { type WorkerRate, workerRate } from "./run-rate.ts";
import { itemName, type OpenUnit, openUnit } from "./unit-progress.ts";

/** The event that the state machine sends to a worker. */
export interface TurnEvent {
  readonly plan: Plan;
  /** The item of the Distributed Map. */
  readonly unit: unknown;
  /** Present if the unit has failed for good. The worker then notes the reason for the report. */
  readonly error?: CaughtError;
}

/** What the state machine gets from a worker. */
export interface TurnResult {
  readonly isDone: boolean;
  readonly turns: number;
  /** Seconds after which the next turn has something to do. */
  readonly waitSeconds: number;
}

/** The function of the states "Do a turn" and "Note the failure". */
export type TurnHandler = (event: TurnEvent, context?: InvocationContext) => Promise<TurnResult>;

/** Options that workers share. */
export interface TurnOptions {
  /** Milliseconds before the function's timeout at which a turn ends. A page that has begun is finished. Default 60,000. */
  readonly timeoutBufferMs?: number;
  /** Milliseconds between two checkpoints, and between two reads of the rate. Default 15,000. */
  readonly checkpointMs?: number;
  /** Default: a logger that writes lines of JSON to the console. */
  readonly logger?: PipelineLogger;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** The names of the options that workers share. */
export const turnOptionNames = { timeoutBufferMs: true, checkpointMs: true, logger: true, clock: true } as const;

/** What a turn has to work with. */
export interface Turn<Counts> {
  readonly plan: Plan;
  /** The item of the Distributed Map. */
  readonly item: unknown;
  readonly open: OpenUnit<Counts>;
  readonly rate: WorkerRate["rate"];
  /** Aborts when the time is over, so that a wait for the rate or for the live stream ends, too. */
  readonly over: AbortSignal;
  readonly isOver: () => boolean;
  /** Whether the last checkpoint is old enough for another one. */
  readonly isCheckpointDue: () => boolean;
  readonly context: InvocationContext | undefined;
}

/** Works on a unit. Saves checkpoints itself, the last one included. Resolves with the seconds to wait for the next turn. */
type DoTurn<Counts> = (turn: Turn<Counts>) => Promise<number>;

/** @throws {ConfigError} CONFIG_INVALID if a turn would be over before it has begun. */
const checkTime = (remainingMs: number, timeoutBufferMs: number): void => {
  if (remainingMs > timeoutBufferMs) return;
  throw invalidOption(
    "timeoutBufferMs",
    `is ${timeoutBufferMs}, and the function has ${remainingMs} ms; expected a function with a longer timeout`,
  );
};

/** A worker waits so long itself. During a longer wait the state machine waits, and no function runs. */
const ownWaitMs = 10_000;

const maxReasonLength = 1_000;

/** Returns an error of Step Functions as one line. The cause of a function's error is JSON with a stack trace. */
export const reasonOf = ({ Error: name = "an unknown error", Cause = "" }: CaughtError): string => {
  let message = Cause;
  try {
    const parsed: unknown = JSON.parse(Cause);
    message = String((parsed as { readonly errorMessage?: unknown } | null)?.errorMessage ?? Cause);
  } catch {
    // The cause of an error of Step Functions itself is a sentence.
  }
  return plainLine(`${name}: ${message}`.slice(0, maxReasonLength));
};

const timed = <Counts>(
  open: OpenUnit<Counts>,
  clock: Clock,
  checkpointMs: number,
): { readonly open: OpenUnit<Counts>; readonly isCheckpointDue: () => boolean } => {
  let savedAt = clock.now();
  return {
    open: {
      progress: open.progress,
      save: async (changes, lines) => {
        await open.save(changes, lines);
        savedAt = clock.now();
      },
    },
    isCheckpointDue: () => clock.now() - savedAt >= checkpointMs,
  };
};

/**
 * Two executions that continue one run would take each other's units. So the latest one works, and the others end.
 * @throws {UnitFailedError} UNIT_FAILED when another execution continues the run.
 */
const checkExecution = async (store: RunObjects, { run, execution }: Plan): Promise<void> => {
  const latest = (await store.read(executionName))?.text ?? execution;
  if (latest === execution) return;
  throw new UnitFailedError(
    `the execution ${latest} continues the run ${run} now; expected ${execution}: start an execution with { "run": "${run}" }`,
  );
};

/** Returns a signal that aborts after a time, unless the turn has ended before. */
const abortsAfter = (ms: number, clock: Clock, end: AbortSignal): AbortSignal => {
  const over = new AbortController();
  if (Number.isFinite(ms)) void clock.sleep(ms, end).then(() => over.abort());
  return over.signal;
};

/**
 * Creates a worker's handler. `none` is the count of nothing.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const turnHandler = <Counts>(
  options: TurnOptions,
  connection: LazyClient<RunObjectsClient>,
  none: Counts,
  doTurn: DoTurn<Counts>,
): TurnHandler => {
  const { timeoutBufferMs = 60_000, checkpointMs = 15_000, logger = consoleLogger, clock = systemClock } = options;
  checkWhole("timeoutBufferMs", timeoutBufferMs, [0, 900_000]);
  checkWhole("checkpointMs", checkpointMs, [0, 900_000]);
  return async ({ plan, unit: item, error }, context) => {
    const store = openRunObjects(connection, plan);
    const opened = await openUnit(store, itemName(item), none);
    const { isDone, execution, turns: ended } = opened.progress();
    const turns = execution === plan.execution ? ended : 0;
    if (isDone) return { isDone, turns, waitSeconds: 0 };
    await checkExecution(store, plan);
    if (error !== undefined) {
      await opened.save({ error: reasonOf(error) });
      return { isDone: false, turns, waitSeconds: 0 };
    }
    const remainingMs = context?.getRemainingTimeInMillis ?? (() => Number.POSITIVE_INFINITY);
    checkTime(remainingMs(), timeoutBufferMs);
    const isOver = () => remainingMs() < timeoutBufferMs;
    const end = new AbortController();
    const over = abortsAfter(remainingMs() - timeoutBufferMs, clock, end.signal);
    const common = { store, clock, logger, everyMs: checkpointMs, over };
    const { rate, follow, pay } = await workerRate({ ...common, planned: plan.rate });
    const following = follow(end.signal);
    let waitSeconds = 0;
    try {
      await opened.save({ execution: plan.execution, turns: turns + 1, error: undefined });
      const { open, isCheckpointDue } = timed(opened, clock, checkpointMs);
      waitSeconds = await doTurn({ plan, item, open, rate, over, isOver, isCheckpointDue, context });
    } catch (thrown) {
      throw failureOf(thrown);
    } finally {
      end.abort();
      await following;
    }
    const debtSeconds = await pay(Math.min(ownWaitMs, timeoutBufferMs / 2));
    return { isDone: opened.progress().isDone, turns: turns + 1, waitSeconds: Math.max(waitSeconds, debtSeconds) };
  };
};
