// The rate of a run: one object in S3, which every worker reads again while it works. So the rate of a run that is working
// can be changed by writing the object.

import { type ReadRate, readRate } from "@sluice/backfill";
import { type Clock, checkWhole, isRecord, type PipelineLogger } from "@sluice/core/sink-kit";
import type { RunObjects } from "./run-objects.ts";

/** The content of the object `rate.json`. */
export interface RunRate {
  /** Read capacity units per second of all workers together. Undefined: no limit. */
  readonly readUnitsPerSecond?: number;
  /** Number of units that are worked on at once, as `MaxConcurrency` of the state machine. */
  readonly concurrency: number;
}

/** Name of the object, relative to the run's prefix. */
export const rateName = "rate.json";

/** More than any table can deliver. */
const unlimited = 10_000_000;

/** The lowest rate of a worker: 128 units, which is a page of a megabyte, then take twenty minutes. */
const lowest = 0.1;

const shareOf = ({ readUnitsPerSecond = unlimited, concurrency }: RunRate): number =>
  Math.max(lowest, readUnitsPerSecond / concurrency);

const parsed = (text: string): RunRate => {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new SyntaxError("expected an object");
  const { readUnitsPerSecond, concurrency } = value;
  checkWhole("concurrency", concurrency, [1, 10_000]);
  if (readUnitsPerSecond !== undefined) checkWhole("readUnitsPerSecond", readUnitsPerSecond, [1, unlimited]);
  return value as unknown as RunRate;
};

/** What `workerRate` needs. */
export interface WorkerRateOptions {
  readonly store: RunObjects;
  /** The rate with which the run started. It applies while the object cannot be read. */
  readonly planned: RunRate;
  readonly clock: Clock;
  readonly logger: PipelineLogger;
  /** Milliseconds between two reads of the object. */
  readonly everyMs: number;
  /** Aborts when the turn's time is over. Then no read is held back any longer. */
  readonly over: AbortSignal;
}

/** A worker's share of the rate. */
export interface WorkerRate {
  readonly rate: ReadRate;
  /** Reads the object again and again, until the signal aborts. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
  /**
   * Waits until the share has paid for what the turn has read. Otherwise each turn would read its first page without a wait, and
   * units of one page would know no rate. Waits at most `mostMs` itself; for more, it resolves with the seconds at once.
   */
  readonly pay: (mostMs: number) => Promise<number>;
}

/** Counts what a worker reads, and lets it read when its turn is over: the debt is paid after the turn. */
const counted = (rate: ReadRate, over: AbortSignal): { readonly rate: ReadRate; readonly units: () => number } => {
  let units = 0;
  const take: ReadRate["take"] = async (signal) => {
    const spend = await rate.take(AbortSignal.any([signal, over]));
    return (cost) => {
      units += cost;
      spend(cost);
    };
  };
  return { rate: { ...rate, take }, units: () => units };
};

/** Reads the rate of a run, and returns this worker's share. */
export const workerRate = async (options: WorkerRateOptions): Promise<WorkerRate> => {
  const { store, planned, clock, logger, everyMs, over } = options;
  const read = async (): Promise<number | undefined> => {
    try {
      const stored = await store.read(rateName);
      return shareOf(stored === undefined ? planned : parsed(stored.text));
    } catch (error) {
      logger.warn("the rate of the run could not be read: the worker keeps its rate", { reason: String(error) });
      return undefined;
    }
  };
  let from = clock.now();
  let share = (await read()) ?? shareOf(planned);
  let allowed = 0;
  /** Units that the share has allowed since the start. Each rate counts only for its own time. */
  const allowedUnits = (): number => allowed + (share * (clock.now() - from)) / 1_000;
  const { rate, units } = counted(readRate({ unitsPerSecond: share, clock }), over);
  return {
    rate,
    follow: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(everyMs, signal);
        const next = signal.aborted ? undefined : await read();
        if (next === undefined || next === share) continue;
        allowed = allowedUnits();
        from = clock.now();
        share = next;
        rate.setUnitsPerSecond(next);
        logger.info("the rate of the run changed", { readUnitsPerSecond: next });
      }
    },
    pay: async (mostMs) => {
      const debtMs = ((units() - allowedUnits()) / share) * 1_000;
      if (debtMs > mostMs) return Math.ceil(debtMs / 1_000);
      if (debtMs > 0) await clock.sleep(debtMs, new AbortController().signal);
      return 0;
    },
  };
};
