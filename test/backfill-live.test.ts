// Backfills on real engines, with nothing modelled: a table that is full before its stream is read, writers that never
// rest, sinks and functions that fail, and workers that are killed, paused and frozen. In the end every replica equals the
// table. Then verifications, while copies are corrupted: no finding is false, every wrong copy is found, and all are repaired.
// Long: npm run test:long -- --backfills N [--seed S].

import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { unitName } from "@sluice/backfill";
import type { StreamRecord } from "@sluice/core/envelope";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type LivePlay, type Mutation, play } from "./backfill-live/play.ts";
import { seeds } from "./backfill-live/seeds.ts";
import { type Divergence, routesOf, type TargetName, targetNames } from "./backfill-live/targets.ts";
import { playChangeDuringRepair, playVerify, type VerifyMutation } from "./backfill-live/verify-play.ts";
import type { VerifyWorld } from "./backfill-live/verify-world.ts";

const wanted = { dynamodb: true, postgres: true, opensearch: true, sqs: true } as const;

/** A long timeout, because the machine may be slow. */
jest.setTimeout(600_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const shown = ({ target, item, found, expected }: Divergence): string =>
  `${target} ${item}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`;

const withNumber = (record: StreamRecord, change: (number: string) => string): StreamRecord => ({
  ...record,
  dynamodb: { ...record.dynamodb, SequenceNumber: change(record.dynamodb?.SequenceNumber ?? "") },
});

/** Defects of backfills, with what each one breaks. */
const mutants: Readonly<Record<string, Mutation>> = {
  "has one rank for all runs": { record: (record) => withNumber(record, () => `0.${"1".padStart(16, "0")}`) },
  "outranks the stream": {
    record: (record) => withNumber(record, (number) => `${"9".repeat(30)}${number.slice(1)}`),
  },
  "skips the page that a lost worker had read": {
    onResume: (state, read) => ({
      ...state,
      units: state.units.map((unit) => {
        const name = unitName(unit.unit);
        if (unit.isDone || !read.has(name)) return unit;
        const cursor = read.get(name);
        return { ...unit, cursor, isDone: cursor === undefined };
      }),
    }),
  },
};

/** Sends a repair after the item has changed, and after `mutate` has changed the record. */
const repairAfter = (
  mutate: (record: StreamRecord, world: VerifyWorld, target: TargetName) => Promise<StreamRecord>,
): VerifyMutation => {
  let isChanged = false;
  return (options, world, change) => ({
    ...options,
    repair: async (event, signal) => {
      if (!isChanged) await change();
      isChanged = true;
      const [route = ""] = event.sluice.routes ?? [];
      const target = targetNames.find((name) => routesOf[name].includes(route)) ?? "rows";
      const Records = await Promise.all(event.Records.map((record) => mutate(record, world, target)));
      return (options.repair ?? world.invoke)({ ...event, Records }, signal);
    },
  });
};

/** The item changes after the first read of the table. A wrong verification keeps what it has read. */
const readBefore =
  (isKept: boolean): VerifyMutation =>
  (options, _world, change) => {
    let first: ReturnType<typeof options.table.read> | undefined;
    const read: typeof options.table.read = async (keys, signal, how) => {
      if (first !== undefined && isKept) return first;
      const items = options.table.read(keys, signal, how);
      if (first !== undefined || how?.keysOnly) return items;
      first = items;
      await items;
      await change();
      return items;
    };
    return { ...options, table: { read } };
  };

/** Gives the repair the version that the target holds now, whatever it held when it was compared. */
const withVersionOfNow = async (
  record: StreamRecord,
  { raw }: VerifyWorld,
  target: TargetName,
): Promise<StreamRecord> => {
  const { S: pk } = (record.dynamodb?.Keys?.pk ?? {}) as { readonly S: string };
  const [, number = "0"] = /-(\d{40})/.exec((await raw[target].get(pk)) ?? "") ?? [];
  return withNumber(record, (held) => `${number}.${held.split(".")[1]}`);
};

describeWithEngines("backfills beside a live stream", (engines) => {
  const small: Omit<LivePlay, "seed"> = { engines, items: 40, hasProcesses: false };

  test.each(seeds)("every replica equals the table in the end (seed %i)", async (seed) => {
    const { divergences, counts } = await play({ engines, seed, items: 120, hasProcesses: true });
    process.stdout.write(`live backfills of seed ${seed}: ${JSON.stringify(counts)}\n`);
    if (divergences.length > 0) {
      const lines = divergences.slice(0, 8).map(shown);
      throw new Error([`${divergences.length} copies are wrong`, ...lines].join("\n"));
    }
    expect(counts.lost).toBeGreaterThan(0);
    expect(counts.crashes).toBeGreaterThan(0);
    expect(counts.redrives).toBeGreaterThan(0);
    expect(counts.thawed).toBeGreaterThan(0);
    expect(counts.processes).toBeGreaterThan(2);
    expect(counts.workers).toBeGreaterThan(3);
  });

  test.each(Object.entries(mutants))("a backfill that %s is found", async (_name, mutation) => {
    const [seed = 1] = seeds;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const { divergences } = await play({ ...small, seed: seed + attempt, mutation });
      if (divergences.length > 0) return;
    }
    throw new Error("the replicas were right despite the defect");
  });

  test.each(seeds)("a verification finds every wrong copy, no right one, and repairs all (seed %i)", async (seed) => {
    const { problems, counts } = await playVerify({ engines, seed, items: 2 });
    process.stdout.write(`live verification of seed ${seed}: ${JSON.stringify(counts)}\n`);
    expect(problems).toEqual([]);
    expect(counts.findings).toBeGreaterThan(60);
    expect(counts.beside).toBeGreaterThan(0);
    expect(counts.writes).toBeGreaterThan(0);
  });

  const [seed = 1] = seeds;

  test.each([
    ["after the table was read", readBefore(false)],
    ["before the repair is written", repairAfter(async (record) => record)],
  ])("a repair does no harm to an item that changes %s", async (_name, mutation) => {
    expect(await playChangeDuringRepair({ engines, seed }, mutation)).toEqual([]);
  });

  test.each([
    ["reads the table before the target", readBefore(true)],
    ["repairs without having read the target", repairAfter(withVersionOfNow)],
  ])("a verification that %s is found", async (_name, mutation) => {
    expect(await playChangeDuringRepair({ engines, seed }, mutation)).not.toEqual([]);
  });
});
