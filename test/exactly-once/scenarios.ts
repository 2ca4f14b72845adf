// The days of one sink, as tests: each mode of dedupe on a bad day, and `on-failure` on one without a death too.

import { afterAll, expect, test } from "@jest/globals";
import type { Dedupe, DedupeStore } from "@sluice/core/sink-kit";
import type { Outage } from "./faulty-environments.ts";
import { type Account, batchSize, play, type Run, type Target } from "./run.ts";

/** How much happens in a day: changes of so many items, ten revisions each; and when all fails. */
export interface Load {
  readonly items: number;
  readonly calm: Outage;
  readonly bad: Outage;
}

const loadOf = (items: number, throttledFrom: number, deaths: Pick<Outage, "diesBefore" | "diesAfter">): Load => {
  const calm = { failingEvery: 10, throttledFrom, throttledMs: 60_000 };
  return { items, calm, bad: { ...calm, ...deaths } };
};

/** 5,000 changes. */
export const fullLoad: Load = loadOf(500, 200, { diesBefore: 120, diesAfter: 40 });
/** 1,000, for a target that is slow. */
export const smallLoad: Load = loadOf(100, 40, { diesBefore: 30, diesAfter: 8 });
/** 500, where most are sent many times. */
const smallestLoad: Load = loadOf(50, 20, {});

const revisions = 10;

/** What a sink's runs have in common. */
export interface Days {
  readonly name: string;
  /** A target that nothing was sent to. `isNative`: one that discards repeats. */
  readonly open: (isNative: boolean) => Promise<Target>;
  /** Whether there is one that does. */
  readonly isNative: boolean;
  /** A store that knows nothing yet. */
  readonly store: (now: () => number) => Promise<DedupeStore>;
  readonly load: Load;
}

type Kept = Account & { readonly run: string };

const accounts: Kept[] = [];

/** Prints the account of every run of this file. */
export const printAccounts = (): void => {
  afterAll(() => {
    const rows = accounts.map(({ run, ...account }) => [run, ...Object.values(account)].join(" | "));
    const [{ run: _, ...first } = { run: "" }] = accounts;
    process.stdout.write(`${[["run", ...Object.keys(first)].join(" | "), ...rows].join("\n")}\n`);
  });
};

/** Plays one day, and sees that nothing is lost or out of order. */
export const playDay = async (
  days: Omit<Days, "isNative" | "load">,
  dedupe: Dedupe,
  { items, outage }: Pick<Run, "items" | "outage">,
): Promise<Account> => {
  const target = await days.open(dedupe === "native");
  const account = await play({ items, revisions, dedupe, target, outage, store: days.store });
  const deaths = outage.diesBefore === undefined ? "" : ", two deaths";
  accounts.push({ run: `${days.name}, ${dedupe}${deaths}`, ...account });
  expect(account).toMatchObject({
    changes: items * revisions,
    lost: 0,
    misordered: 0,
    deaths: outage.diesBefore === undefined ? 0 : 2,
  });
  // The day was as bad as it was planned to be.
  expect(account.failedEntries).toBeGreaterThan(account.changes / 200);
  expect(account.throttledRequests).toBeGreaterThan(0);
  return account;
};

/** Declares the runs of a sink. */
export const playsDays = (days: Days): void => {
  const { items, calm, bad } = days.load;
  const exact: Dedupe[] = days.isNative ? ["native", "always"] : ["always"];

  test.each(exact)("%s: each arrives once, although the function dies twice", async (dedupe) => {
    expect((await playDay(days, dedupe, { items, outage: bad })).duplicates).toBe(0);
  });

  test("on-failure: each arrives once where the function lives", async () => {
    expect((await playDay(days, "on-failure", { items, outage: calm })).duplicates).toBe(0);
  });

  test("on-failure: what the two invocations that died had sent arrives again, and no more", async () => {
    expect((await playDay(days, "on-failure", { items, outage: bad })).duplicates).toBeLessThanOrEqual(2 * batchSize);
  });

  test("none: many arrive again, and in order", async () => {
    const { duplicates } = await playDay(days, "none", { items: smallestLoad.items, outage: smallestLoad.calm });
    expect(duplicates).toBeGreaterThan(0);
  });
};
