// The outage: Postgres is killed after a quarter of the writes, and restarted after half of them, so that its lag falls again
// before the last write. Measures how many deliveries reached the other targets during the outage, and how long changes
// waited in the stream.

import type { PostgresEngine } from "@sluice/local";
import { type ProgressPrinter, withSeparators } from "../progress.ts";
import { percentile, type Tally } from "../tally.ts";

/** Duration of all writes together, in milliseconds, without the wait before the last ones. */
export const workMs = 18_000;

/** The share of the writes that wait until the retry queue is empty. Their lag shows that Postgres is up to date. */
export const lastShare = 0.1;

/** The result of an outage. */
export interface OutageResult {
  readonly durationMs: number;
  /** Number of changes that each target accepted during the outage, by the name of the route. */
  readonly written: ReadonlyMap<string, number>;
  /** Number of deliveries that were queued for retry during the outage. */
  readonly queued: number;
  /** Longest time from a write until the handler finished its stream record, before and during the outage. */
  readonly longestWaitMs: { readonly before: number; readonly during: number };
  /** Times in milliseconds since the epoch: the first write, the end of the server's process, and its restart. */
  readonly startedAt: number;
  readonly killedAt: number;
  readonly restartedAt: number;
}

/** An outage that has been planned and may have begun. */
export interface Outage {
  /** Call this function after each write. `written` is the number of writes so far, and `all` is the total number. */
  readonly onWritten: (written: number, all: number) => void;
  /** Resolves as soon as Postgres runs again. */
  readonly end: () => Promise<OutageResult>;
}

/** The numbers that the demo has counted until the time `at`. */
interface Snapshot {
  readonly at: number;
  readonly written: ReadonlyMap<string, number>;
  readonly queued: number;
  readonly waits: number;
}

const snapshotOf = ({ written, queued, latenciesMs }: Tally): Snapshot => ({
  at: Date.now(),
  written: new Map(written),
  queued,
  waits: latenciesMs.length,
});

type Snapshots = readonly [start: Snapshot, killed: Snapshot, beforeRestart: Snapshot, restarted: Snapshot];

const resultOf = ({ latenciesMs }: Tally, [start, killed, beforeRestart, restarted]: Snapshots): OutageResult => ({
  durationMs: restarted.at - killed.at,
  written: new Map(
    [...beforeRestart.written].map(([route, count]) => [route, count - (killed.written.get(route) ?? 0)]),
  ),
  queued: beforeRestart.queued - killed.queued,
  longestWaitMs: {
    before: percentile(latenciesMs.slice(start.waits, killed.waits), 1),
    during: percentile(latenciesMs.slice(killed.waits, beforeRestart.waits), 1),
  },
  startedAt: start.at,
  killedAt: killed.at,
  restartedAt: restarted.at,
});

/** Plans the outage of this Postgres server. */
export const planOutage = (postgres: PostgresEngine, tally: Tally, { say }: ProgressPrinter): Outage => {
  const start = snapshotOf(tally);
  let killed: Promise<Snapshot> | undefined;
  let ended: Promise<OutageResult> | undefined;

  const kill = async (): Promise<Snapshot> => {
    await postgres.kill();
    say("  Postgres is killed");
    return snapshotOf(tally);
  };
  const restart = async (afterKill: Promise<Snapshot>): Promise<OutageResult> => {
    const before = [start, await afterKill, snapshotOf(tally)] as const;
    await postgres.restart();
    const result = resultOf(tally, [...before, snapshotOf(tally)]);
    say(`  Postgres is restarted after ${withSeparators(result.durationMs)} ms`);
    return result;
  };
  return {
    onWritten: (written, all) => {
      if (written >= all / 4) killed ??= kill();
      if (written >= all / 2 && killed !== undefined) ended ??= restart(killed);
    },
    end: async () => {
      if (ended === undefined) throw new Error("the writes ended before the outage began");
      return ended;
    },
  };
};
