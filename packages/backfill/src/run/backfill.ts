// Drives a run: shares the units among workers, saves how far each unit is, and ends the run when too much fails.

import { type Clock, systemClock } from "@sluice/core/sink-kit";
import type { Invoke } from "../record/task.ts";
import { type ItemSource, SourceError } from "../source/source.ts";
import { addCounts, failuresIn, type WorkCounts } from "./counts.ts";
import type { RecordFailure } from "./failure.ts";
import { isRunDone, type RunState, runTotals, type UnitState } from "./run-state.ts";
import type { RunStore } from "./run-store.ts";
import type { SendLimits } from "./send.ts";
import { work } from "./work.ts";

/** How far a run is. */
export interface RunProgress {
  /** Counts of the whole run, with those of earlier parts. */
  readonly counts: WorkCounts;
  readonly unitsDone: number;
  readonly units: number;
}

/** What a run copies, and how. */
export interface BackfillOptions {
  readonly source: ItemSource;
  /** The state of the run: of `newRun`, or the one that `store` had. */
  readonly state: RunState;
  readonly store: Pick<RunStore, "save">;
  readonly invoke: Invoke;
  /** Number of units that are worked on at once. Default 4. */
  readonly workers?: number;
  readonly limits?: SendLimits;
  /** The run ends when more records than this have failed. Default: 100, or 5 % of the first 1,000 records. */
  readonly maxFailures?: number;
  /** When it aborts, each worker finishes its page. */
  readonly signal: AbortSignal;
  /** Gets the failures of a page before the page counts as finished. After a crash it may get some failures again. */
  readonly onFailures: (failures: readonly RecordFailure[]) => Promise<void>;
  /** Called after each page. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** Shortest time between two saves. Default 1,000. */
  readonly saveEveryMs?: number;
  readonly clock?: Clock;
}

/** How a run, or this part of it, ended. */
export interface BackfillResult {
  /** Whether all units are done. Otherwise the signal ended it, and the run can be resumed. */
  readonly isDone: boolean;
  readonly state: RunState;
  readonly counts: WorkCounts;
}

/**
 * Too many records failed. The page whose failures were too many does not count as finished: when the run is resumed, the
 * page is read and sent again.
 */
export class TooManyFailuresError extends Error {
  override name = "TooManyFailuresError";
}

const defaultWorkers = 4;
const defaultMaxFailures = 100;
const firstRecords = 1_000;
const firstShare = 0.05;

/** Attempts of a unit whose source fails transiently, without a page in between. */
const maxSourceAttempts = 5;
const firstDelayMs = 1_000;

/** The state of a run in this process. */
interface Run extends BackfillOptions {
  readonly clock: Clock;
  readonly units: UnitState[];
  totals: WorkCounts;
  unitsDone: number;
  readonly save: (isLast: boolean) => Promise<void>;
  /** Aborts when a worker has failed, or with the options' signal. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

const stateOf = ({ state, units }: Pick<Run, "state" | "units">): RunState => ({ ...state, units: [...units] });

/**
 * Creates the function that saves the state, one save after the other, not more often than once in a while. The place
 * then holds an older state, in which cursors and counts belong together: a resumed run repeats some pages, and their
 * records have the same versions as before.
 */
const saver = (options: BackfillOptions, units: readonly UnitState[], clock: Clock): Run["save"] => {
  const { state, store, saveEveryMs = 1_000 } = options;
  let tail: Promise<void> = Promise.resolve();
  let nextAt = clock.now() + saveEveryMs;
  const saveNow = async (): Promise<void> => {
    const startedAt = clock.now();
    await store.save(stateOf({ state, units: [...units] }));
    const endedAt = clock.now();
    // The state of a run with many files is large: at most a tenth of the time goes into saves.
    nextAt = endedAt + Math.max(saveEveryMs, 9 * (endedAt - startedAt));
  };
  return (isLast) => {
    if (!isLast && clock.now() < nextAt) return Promise.resolve();
    nextAt = Number.POSITIVE_INFINITY;
    tail = tail.then(saveNow);
    return tail;
  };
};

/** @throws {TooManyFailuresError} when the failures so far are too many */
const checkFailures = (before: WorkCounts, after: WorkCounts, maxFailures: number | undefined): void => {
  const failures = failuresIn(after);
  const most = maxFailures ?? defaultMaxFailures;
  const resume = "mend the cause, and start again";
  if (failures > most)
    throw new TooManyFailuresError(`${failures} records failed; expected at most ${most}: ${resume}`);
  if (maxFailures !== undefined || before.records >= firstRecords) return;
  const records = Math.max(firstRecords, after.records);
  if (failures <= firstShare * records) return;
  throw new TooManyFailuresError(
    `${failures} of the first ${after.records} records failed; expected at most ${firstShare * 100} % of them: ${resume}`,
  );
};

/** Works on a unit until it is done, or until the run stops. */
const workOnUnit = async (run: Run, index: number): Promise<void> => {
  const { source, state, invoke, limits, clock, signal } = run;
  const { unit, cursor: after } = run.units[index] as UnitState;
  await work({
    source,
    unit,
    after,
    invoke,
    signal,
    clock,
    ...(state.routes !== undefined && { routes: state.routes }),
    ...(limits && { limits }),
    onFailures: run.onFailures,
    onPage: async ({ cursor, counts }) => {
      const totals = addCounts(run.totals, counts);
      checkFailures(run.totals, totals, run.maxFailures);
      const before = run.units[index] as UnitState;
      const isDone = cursor === undefined;
      run.units[index] = { unit, cursor, counts: addCounts(before.counts, counts), isDone };
      run.totals = totals;
      if (isDone) run.unitsDone += 1;
      run.onProgress?.({ counts: totals, unitsDone: run.unitsDone, units: run.units.length });
      await run.save(false);
    },
  });
};

/** Repeats a unit from its last finished page while its source fails transiently. */
const untilWorked = async (run: Run, index: number): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    const from = run.units[index];
    try {
      await workOnUnit(run, index);
      return;
    } catch (error) {
      if (!(error instanceof SourceError && error.isTransient) || run.signal.aborted) throw error;
      if (run.units[index] !== from) attempt = 1;
      if (attempt >= maxSourceAttempts) throw error;
      await run.clock.sleep(firstDelayMs * 2 ** (attempt - 1), run.signal);
    }
  }
};

/** Takes the next unit whenever one is done, so that no worker is left with a long share. */
const worker = async (run: Run, next: () => number | undefined): Promise<void> => {
  for (let index = next(); index !== undefined && !run.signal.aborted; index = next()) await untilWorked(run, index);
};

const queueOf = (units: readonly UnitState[]): (() => number | undefined) => {
  const left = units.flatMap(({ isDone }, index) => (isDone ? [] : [index]));
  return () => left.shift();
};

/** Runs all workers. If one fails, the others finish their pages. Resolves with the errors, the first one first. */
const runWorkers = async (run: Run): Promise<unknown[]> => {
  const next = queueOf(run.units);
  const errors: unknown[] = [];
  const one = (): Promise<void> =>
    worker(run, next).catch((error: unknown) => {
      errors.push(error);
      run.stop.abort();
    });
  await Promise.all(Array.from({ length: run.workers ?? defaultWorkers }, one));
  return errors;
};

/**
 * Copies what is left of a run. Resolves when every unit is done, or when the signal has ended the run. Saves the state
 * before the run's first record, at most once in `saveEveryMs`, and at the end, also after an error.
 * @throws {TooManyFailuresError} when too many records failed
 * @throws {SourceError} when the source cannot be read
 * @throws {FunctionBrokenError} {FunctionUnreachableError} when no record can be sent
 * @throws {RunTakenError} when another process has taken the run
 */
export const backfill = async (options: BackfillOptions): Promise<BackfillResult> => {
  const { state, clock = systemClock } = options;
  const units = [...state.units];
  const stop = new AbortController();
  const run: Run = {
    ...options,
    clock,
    units,
    totals: runTotals(state),
    unitsDone: units.filter(({ isDone }) => isDone).length,
    save: saver(options, units, clock),
    stop,
    signal: AbortSignal.any([options.signal, stop.signal]),
  };
  await run.save(true);
  const errors = await runWorkers(run);
  // If a save has failed, this one fails with the same error.
  await run.save(true).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
  const end = stateOf(run);
  return { isDone: isRunDone(end), state: end, counts: run.totals };
};
