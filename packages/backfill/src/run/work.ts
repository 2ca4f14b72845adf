// Works on one unit: reads its pages, and sends their records. The next page is read while the present one is written.

import { type Clock, systemClock } from "@sluice/core/sink-kit";
import type { Invoke } from "../record/task.ts";
import { type ItemSource, SourceError, type SourcePage, type Unit, unitName } from "../source/source.ts";
import { addCounts, countsOf, noCounts, type WorkCounts } from "./counts.ts";
import type { RecordFailure } from "./failure.ts";
import { type Sending, type SendLimits, sendRecords } from "./send.ts";

/** A page whose records have their last outcomes. */
export interface FinishedPage {
  /** Where the next page starts; undefined after the last page of the unit. */
  readonly cursor: string | undefined;
  readonly counts: WorkCounts;
  readonly failures: readonly RecordFailure[];
}

/** What to work on, and how. */
export interface WorkOptions {
  readonly source: ItemSource;
  readonly unit: Unit;
  /** The cursor of an earlier call for the same unit. Undefined: from the start. */
  readonly after: string | undefined;
  readonly invoke: Invoke;
  /** `replay` for records of the stream. Default `backfill`. */
  readonly task?: "backfill" | "replay";
  /** Names of the routes that get the records. Default: all routes. */
  readonly routes?: readonly string[];
  /** When it aborts, the work ends after the present page. */
  readonly signal: AbortSignal;
  /** Asked at each page's end, and before each wait. When it returns true, the work ends. Default: never. */
  readonly isOver?: () => boolean;
  readonly limits?: SendLimits;
  /** Gets the failures of a page, before the page counts as finished. Default: the result has all failures. */
  readonly onFailures?: (failures: readonly RecordFailure[]) => Promise<void>;
  /** Called after each page. If it throws, the work ends with this error. */
  readonly onPage?: (page: FinishedPage) => Promise<void>;
  readonly clock?: Clock;
}

/** What the work came to. */
export interface WorkResult {
  /** Whether the unit has no more pages. */
  readonly isDone: boolean;
  /** Where the next call continues, as its `after`. */
  readonly cursor: string | undefined;
  /** Counts of the finished pages. */
  readonly counts: WorkCounts;
  /** Failures of the finished pages; empty if `onFailures` got them. */
  readonly failures: readonly RecordFailure[];
}

/** Reads one page ahead. A read that fails while a page is written is reported when the page is asked for. */
const readAhead = (pages: AsyncIterator<SourcePage>) => {
  const read = (): Promise<IteratorResult<SourcePage>> => {
    const page = pages.next();
    // Marks the rejection as handled. `next` returns the same promise, so the error is not lost.
    page.catch(() => undefined);
    return page;
  };
  let ahead = read();
  return {
    /** Returns the page that was read ahead; undefined after the last one. */
    next: async (): Promise<SourcePage | undefined> => {
      const { done, value } = await ahead;
      return done ? undefined : value;
    },
    readMore: (): void => {
      ahead = read();
    },
    /** Waits for a read in flight, and ends the source's iterator. */
    close: async (): Promise<void> => {
      await ahead.catch(() => undefined);
      await pages.return?.();
    },
  };
};

const cutShort = (unit: Unit): SourceError =>
  new SourceError(`${unitName(unit)} ended without its last page; expected a page without a cursor`);

/** Sends a page. Returns undefined if the page must be read again, because the work ended while it waited. */
const finishPage = async (
  { records, cursor, readUnits }: SourcePage,
  { onFailures, onPage }: WorkOptions,
  sending: Sending,
): Promise<FinishedPage | undefined> => {
  const sent = await sendRecords(records, sending);
  if (sent === undefined) return undefined;
  if (sent.failures.length > 0) await onFailures?.(sent.failures);
  const page = { cursor, counts: countsOf(sent.outcomes, readUnits), failures: sent.failures };
  await onPage?.(page);
  return page;
};

const sendingOf = (options: WorkOptions): Sending => ({
  invoke: options.invoke,
  task: options.task ?? "backfill",
  routes: options.routes,
  limits: options.limits,
  clock: options.clock ?? systemClock,
  signal: options.signal,
  isOver: options.isOver ?? (() => false),
});

/** The work on a unit in progress. */
interface Working {
  readonly options: WorkOptions;
  readonly sending: Sending;
  readonly pages: ReturnType<typeof readAhead>;
  readonly failures: RecordFailure[];
  result: WorkResult;
}

/** Returns the page that was read ahead. If the signal has aborted, the source may have ended early, or failed. */
const nextPage = async ({ pages, options: { signal } }: Working): Promise<SourcePage | "aborted" | undefined> => {
  try {
    const page = await pages.next();
    return signal.aborted ? "aborted" : page;
  } catch (error) {
    if (signal.aborted) return "aborted";
    throw error;
  }
};

/** Finishes the next page. Returns whether the work goes on. */
const workOnPage = async (working: Working): Promise<boolean> => {
  const { options, sending, pages, failures, result } = working;
  const page = await nextPage(working);
  if (page === "aborted") return false;
  if (page === undefined) throw cutShort(options.unit);
  if (page.cursor !== undefined) pages.readMore();
  const finished = await finishPage(page, options, sending);
  if (finished === undefined) return false;
  if (options.onFailures === undefined) failures.push(...finished.failures);
  const isDone = finished.cursor === undefined;
  const counts = addCounts(result.counts, finished.counts);
  working.result = { ...result, isDone, cursor: finished.cursor, counts };
  return !isDone && !options.signal.aborted && !sending.isOver();
};

/**
 * Reads the pages of a unit, and sends their records, until the unit is done, or until `signal` or `isOver` ends the work
 * after a page. The cursor advances only after every record of a page has its last outcome, and `onFailures` and `onPage`
 * have resolved. Pages that are sent twice do no harm: their records have the same versions.
 * @throws {SourceError} when the source cannot be read.
 * @throws {FunctionBrokenError} {FunctionUnreachableError} when no record can be sent.
 */
export const work = async (options: WorkOptions): Promise<WorkResult> => {
  const { source, unit, after, signal } = options;
  const reading = new AbortController();
  const readSignal = AbortSignal.any([signal, reading.signal]);
  const failures: RecordFailure[] = [];
  const working: Working = {
    options,
    sending: sendingOf(options),
    pages: readAhead(source.pages(unit, after, readSignal)[Symbol.asyncIterator]()),
    failures,
    result: { isDone: false, cursor: after, counts: noCounts, failures },
  };
  try {
    let goesOn = !signal.aborted;
    while (goesOn) goesOn = await workOnPage(working);
    return working.result;
  } finally {
    reading.abort();
    await working.pages.close();
  }
};
