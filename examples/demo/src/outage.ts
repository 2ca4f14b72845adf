// The outage: Postgres is killed when a third of the writes are made, and comes back when two thirds are. What the
// others delivered meanwhile is counted, and how long a change waited on the stream.

import type { PostgresEngine } from "@sluice/local";
import { type Progress, withSeparators } from "./progress.ts";
import { percentile, type Tally } from "./tally.ts";

/** How long the writes take from first to last. */
export const workMs = 15_000;

/** What the outage came to. */
export interface OutageAccount {
  readonly awayMs: number;
  /** Changes that each target took meanwhile, by route. */
  readonly settled: ReadonlyMap<string, number>;
  /** Deliveries that went to the retry queue meanwhile. */
  readonly spilled: number;
  /** Longest time from a write until the stream was done with it: before, and meanwhile. */
  readonly longestWaitMs: { readonly before: number; readonly meanwhile: number };
  readonly backAt: number;
}

export interface Outage {
  /** Told how many of the writes are made; the first time before there is any. */
  readonly onWritten: (written: number, all: number) => void;
  /** Resolves when Postgres is back. */
  readonly over: () => Promise<OutageAccount>;
}

/** How far everything was at a time. */
interface Mark {
  readonly at: number;
  readonly settled: ReadonlyMap<string, number>;
  readonly spilled: number;
  readonly waits: number;
}

const markOf = ({ settled, spilled, latenciesMs }: Tally): Mark => ({
  at: Date.now(),
  settled: new Map(settled),
  spilled,
  waits: latenciesMs.length,
});

const accountOf = ({ latenciesMs }: Tally, [start, killed, asked, back]: readonly [Mark, Mark, Mark, Mark]) => ({
  awayMs: back.at - killed.at,
  settled: new Map([...asked.settled].map(([route, count]) => [route, count - (killed.settled.get(route) ?? 0)])),
  spilled: asked.spilled - killed.spilled,
  longestWaitMs: {
    before: percentile(latenciesMs.slice(start.waits, killed.waits), 1),
    meanwhile: percentile(latenciesMs.slice(killed.waits, asked.waits), 1),
  },
  backAt: back.at,
});

/** Plans the outage of this server. */
export const planOutage = (postgres: PostgresEngine, tally: Tally, { say }: Progress): Outage => {
  const start = markOf(tally);
  let killed: Promise<Mark> | undefined;
  let over: Promise<OutageAccount> | undefined;

  const kill = async (): Promise<Mark> => {
    await postgres.kill();
    say("  Postgres is killed");
    return markOf(tally);
  };
  const restart = async (death: Promise<Mark>): Promise<OutageAccount> => {
    const marks = [start, await death, markOf(tally)] as const;
    await postgres.restart();
    const account = accountOf(tally, [...marks, markOf(tally)]);
    say(`  Postgres is back after ${withSeparators(account.awayMs)} ms`);
    return account;
  };
  return {
    onWritten: (written, all) => {
      if (written >= all / 3) killed ??= kill();
      if (written >= (2 * all) / 3 && killed !== undefined) over ??= restart(killed);
    },
    over: async () => {
      if (over === undefined) throw new Error("the writes ended before the outage began");
      return over;
    },
  };
};
