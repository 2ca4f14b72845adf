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
  readonly clock: Clock;
  readonly logger: PipelineLogger;
  /** Milliseconds between two reads of the object. */
  readonly everyMs: number;
}

/** A worker's share of the rate. */
export interface WorkerRate {
  readonly rate: ReadRate;
  /** Reads the object again and again, until the signal aborts. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
}

/** Reads the rate of a run, and returns this worker's share. */
export const workerRate = async ({ store, clock, logger, everyMs }: WorkerRateOptions): Promise<WorkerRate> => {
  const read = async (): Promise<number | undefined> => {
    try {
      const stored = await store.read(rateName);
      return stored === undefined ? undefined : shareOf(parsed(stored.text));
    } catch (error) {
      logger.warn("the rate of the run could not be read: the worker keeps its rate", { reason: String(error) });
      return undefined;
    }
  };
  let share = (await read()) ?? unlimited;
  const rate = readRate({ unitsPerSecond: share, clock });
  return {
    rate,
    follow: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(everyMs, signal);
        const next = signal.aborted ? undefined : await read();
        if (next === undefined || next === share) continue;
        share = next;
        rate.setUnitsPerSecond(next);
        logger.info("the rate of the run changed", { readUnitsPerSecond: next });
      }
    },
  };
};
