// Plays one live test: a table that is full before its stream is read, writers, and backfills that are interrupted
// everywhere. Nothing is modelled: table, stream, targets, queue and workers are real.
//
// 1. Items are written. Then the stream is enabled, and the function started.
// 2. A first run copies everything, beside writers.
// 3. The function loses all records of a while, in which items that no record has changed are put. Exports are taken.
// 4. Other runs copy the table again, beside writers: in processes that are killed and paused, and in frozen workers. Each
//    run fills other routes, so that each one is needed. The older exports are copied, too.
// 5. Everything that waits arrives. Every replica must equal the table.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  exportSource,
  type ItemSource,
  microsOf,
  type RunState,
  scanSource,
  tableStore,
  tableTime,
} from "@sluice/backfill";
import type { Image, StreamRecord } from "@sluice/core/envelope";
import { memoryBucket, type WindowChange, type WrittenExport, writeExport } from "@sluice/testing";
import { createTable } from "../convergence/dynamodb-target.ts";
import { type Random, randomOf } from "../convergence/random.ts";
import { type FrozenWorker, finishRun, type LiveRun, type ReadPages } from "./frozen-runs.ts";
import { classes } from "./items.ts";
import { endWorkers, finishKilledRun } from "./killed-runs.ts";
import { type LiveFunction, liveFunction } from "./live-function.ts";
import { type LiveEngines, openPlaces } from "./places.ts";
import { smallPages } from "./small-pages.ts";
import { openSourceTable, type SourceTable, startWriters } from "./source-table.ts";
import {
  type Divergence,
  divergencesOf,
  openReplicas,
  type Places,
  type Replicas,
  routesOf,
  targetNames,
} from "./targets.ts";

/** A defect of the backfills. */
export interface Mutation {
  readonly record?: (record: StreamRecord) => StreamRecord;
  readonly onResume?: (state: RunState, read: ReadPages) => RunState;
}

export interface LivePlay {
  readonly engines: LiveEngines;
  readonly seed: number;
  /** Number of items that exist before the stream. */
  readonly items: number;
  /** Whether some runs work in processes of their own, which takes longer. */
  readonly hasProcesses: boolean;
  readonly mutation?: Mutation;
}

export interface LiveResult {
  readonly divergences: readonly Divergence[];
  /** What happened, to check that there was something to survive. */
  readonly counts: {
    readonly items: number;
    readonly writes: number;
    readonly lost: number;
    readonly crashes: number;
    readonly redrives: number;
    readonly workers: number;
    readonly processes: number;
    readonly thawed: number;
  };
}

/** The state of a play. */
interface World {
  readonly play: LivePlay;
  readonly name: string;
  readonly random: Random;
  readonly table: SourceTable;
  readonly streamArn: string;
  readonly places: Places;
  readonly replicas: Replicas;
  readonly live: LiveFunction;
  readonly folder: string;
  readonly stateTable: string;
  readonly frozen: FrozenWorker[];
  /** Items that writers never change; and the others, some of which are cold at first. */
  readonly cold: readonly string[];
  readonly hot: readonly [string, ...string[]];
}

/** Number of items that are put for the first time while records are lost. */
const lostItems = 10;

const segments = 4;
const pageItems = 10;

const openWorld = async (play: LivePlay, name: string): Promise<World> => {
  const random = randomOf(play.seed);
  const [places, table, folder] = await Promise.all([
    openPlaces(play.engines, name),
    openSourceTable(play.engines.dynamodb, `${name}-source`),
    mkdtemp(join(tmpdir(), "sluice-backfill-")),
  ]);
  const stateTable = `${name}-runs`;
  await createTable(table.client, stateTable);
  const replicas = await openReplicas(places);
  const pks = Array.from({ length: play.items }, (_, index) => `item-${index}`);
  for (let from = 0; from < pks.length; from += 20) {
    await Promise.all(pks.slice(from, from + 20).map((pk) => table.put(random, pk)));
  }
  const streamArn = await table.enableStream();
  const live = await liveFunction({ engines: play.engines, name, streamArn, replicas, random });
  const hotItems = Math.ceil(play.items / 4);
  // Some hot items do not exist yet.
  const hot = [...pks.slice(0, hotItems), ...Array.from({ length: hotItems }, (_, index) => `new-${index}`)];
  const cold = pks.slice(hotItems);
  const shared = { play, name, random, table, streamArn, places, replicas, live, folder, stateTable };
  return { ...shared, frozen: [], cold, hot: hot as unknown as World["hot"] };
};

const mutated = (source: ItemSource, { record: mutate }: Mutation): ItemSource => ({
  ...source,
  pages: async function* (unit, after, signal) {
    for await (const page of source.pages(unit, after, signal)) {
      yield mutate === undefined ? page : { ...page, records: page.records.map(mutate) };
    }
  },
});

type RunPlan = Pick<LiveRun, "run" | "random"> & Partial<Pick<LiveRun, "routes" | "source" | "now" | "mostSteps">>;

/** A run in this process that scans the table, or reads another source. Its requests go to the live function. */
const liveRun = ({ play, table, streamArn, stateTable, live, frozen }: World, plan: RunPlan): LiveRun => {
  const { mutation = {} } = play;
  const client = smallPages(table.client, pageItems) as never;
  const origin = { run: plan.run, streamArn, keyNames: ["pk", "sk"] };
  const scan = (asOf: string): ItemSource => scanSource({ client, table: table.name, origin, asOf, segments });
  const { source = scan, ...rest } = plan;
  return {
    tableArn: table.arn,
    streamArn,
    now: () => tableTime({ client: table.client, table: table.name }),
    openStore: () => tableStore({ client: table.client as never, table: stateTable, run: plan.run }),
    invoke: live.invoke,
    // A worker that continues would write the page that the defect skips. With this defect, no frozen worker does.
    frozen: mutation.onResume ? [] : frozen,
    ...(mutation.onResume && { onResume: mutation.onResume }),
    ...rest,
    source: (asOf) => mutated(source(asOf), mutation),
  };
};

/** Exports of the table, and their times. */
interface Exports {
  readonly asOf: string;
  readonly full: WrittenExport;
  /** The changes since the start of the gap. */
  readonly incremental: WrittenExport;
}

/** Exports the table. Nothing writes meanwhile, so the scan is a snapshot, as an export is. */
const exportsOf = async (
  { table, random }: World,
  before: ReadonlyMap<string, Image>,
  from: string,
): Promise<Exports> => {
  const items = await table.scan();
  const exportTimeMs = Date.now();
  const to = new Date(exportTimeMs).toISOString();
  const shared = { tableArn: table.arn, files: 6, seed: random.integer(1_000_000) };
  const changes = [...items].flatMap(([pk, newImage]): WindowChange[] => {
    const oldImage = before.get(pk);
    if (JSON.stringify(oldImage) === JSON.stringify(newImage)) return [];
    const keys = { pk: { S: pk }, sk: { S: "1" } };
    return [{ keys, newImage, ...(oldImage && { oldImage }), writtenAtMicros: exportTimeMs * 1_000 }];
  });
  return {
    asOf: microsOf(exportTimeMs),
    full: writeExport({ ...shared, items: [...items.values()], exportTime: to }),
    incremental: writeExport({ ...shared, type: "incremental", changes, from, to }),
  };
};

/**
 * Puts items whose records are lost. No record has changed them before, and each one keeps its class, so that a scan can
 * heal its copies. Exports the table meanwhile.
 */
const openGap = async (world: World): Promise<Exports> => {
  const { table, cold, random, live } = world;
  await live.drained();
  const from = new Date().toISOString();
  const before = await table.scan();
  const classOf = new Map(
    [...before].map(([pk, { revision }]) => [pk, Number((revision as { N: string }).N) % classes]),
  );
  const putSome = async (share: number): Promise<void> => {
    for (const pk of random.some(cold, share)) await table.put(random, pk, classOf.get(pk) ?? 0);
  };
  live.loseRecords(true);
  await putSome(0.4);
  for (let index = 0; index < lostItems; index += 1) await table.put(random, `lost-${index}`);
  const written = await exportsOf(world, before, from);
  await putSome(0.4);
  await live.drained();
  live.loseRecords(false);
  return written;
};

/** Purges tombstones, redrives dead letters, and lets frozen workers continue, until `done` aborts. */
const disturb = async ({ live, random, frozen, replicas }: World, done: AbortSignal): Promise<number> => {
  let thawed = 0;
  while (!done.aborted) {
    await live.disturb();
    if (random.chance(0.1)) await Promise.all(targetNames.map((name) => replicas[name].target.purge?.()));
    if (random.chance(0.3)) {
      const [worker] = frozen.splice(random.integer(frozen.length), 1);
      await worker?.thaw();
      if (worker !== undefined) thawed += 1;
    }
    await setTimeout(100);
  }
  return thawed;
};

/** The runs after the gap. Each one fills other routes. Resolves with the number of processes and of workers. */
const copyAgain = async (
  world: World,
  written: Exports,
): Promise<{ readonly workers: number; readonly processes: number }> => {
  const { play, name, table, streamArn, places, folder, stateTable, frozen } = world;
  const olderRun = (type: "full" | "incremental", random: Random): Promise<number> => {
    const { [type]: one, asOf } = written;
    const run = `${name}-${type}`;
    const origin = { run, streamArn, keyNames: ["pk", "sk"] };
    const source = (): ItemSource => exportSource({ client: memoryBucket(one), manifest: one.manifest, origin });
    return finishRun(liveRun(world, { run, source, now: async () => asOf, mostSteps: 20, random }));
  };
  const random = (number: number): Random => randomOf(play.seed * 101 + number);
  // Without processes there are few pages, so workers freeze more often.
  const inWorkers = play.hasProcesses ? { routes: routesOf.items, mostSteps: 40 } : { mostSteps: 12 };
  const workers = [
    olderRun("full", random(1)),
    olderRun("incremental", random(5)),
    finishRun(liveRun(world, { run: `${name}-second`, random: random(2), ...inWorkers })),
  ];
  const shared = {
    places,
    table: table.name,
    tableArn: table.arn,
    streamArn,
    segments,
    pageItems,
    frozen,
    mostSteps: 36,
  };
  const file = { kind: "file", path: join(folder, "run.json") } as const;
  const item = { kind: "table", table: stateTable } as const;
  const inFile = { run: `${name}-killed`, routes: routesOf.rows, store: file, random: random(3) };
  const inTable = { run: `${name}-paused`, routes: [...routesOf.inline, ...routesOf.documents], store: item };
  const processes = play.hasProcesses
    ? [finishKilledRun({ ...shared, ...inFile }), finishKilledRun({ ...shared, ...inTable, random: random(4) })]
    : [];
  const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);
  // If one fails, the others still write, so the targets stay open until all have ended.
  await Promise.allSettled([...workers, ...processes]);
  const [inProcess, killed] = await Promise.all([Promise.all(workers), Promise.all(processes)]);
  return { workers: sum(inProcess), processes: sum(killed) };
};

const thawAll = async ({ frozen }: World): Promise<number> => {
  const left = frozen.splice(0);
  for (const worker of left) await worker.thaw();
  return left.length;
};

/** Runs `work` beside writers and disturbances. */
const besideWriters = async <Result>(
  world: World,
  pks: World["hot"],
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly writes: number; readonly thawed: number }> => {
  const { table, play } = world;
  const writers = startWriters(table, pks, { seed: play.seed, writers: 3 });
  const done = new AbortController();
  const disturbed = disturb(world, done.signal);
  disturbed.catch(() => undefined);
  let result: Result;
  try {
    result = await work();
  } finally {
    done.abort();
    // Their errors are thrown below, unless the work's own error comes first.
    await Promise.allSettled([writers.stop(), disturbed]);
  }
  return { result, writes: await writers.stop(), thawed: await disturbed };
};

const playIn = async (world: World): Promise<LiveResult> => {
  const { play, name, live, table, hot, cold, random, replicas } = world;
  await live.start();
  const plan = { run: `${name}-first`, mostSteps: 90, random: randomOf(play.seed * 101) };
  const first = await besideWriters(world, hot, () => finishRun(liveRun(world, plan)));
  const written = await openGap(world);

  const warm = random.some(cold, 0.25);
  const second = await besideWriters(world, [...hot, ...warm], () => copyAgain(world, written));
  const thawed = first.thawed + second.thawed + (await thawAll(world));
  await live.finish();
  const items = await table.scan();
  const { lost, crashes, deadLetters: redrives } = live.counts;
  const { processes, workers } = second.result;
  return {
    divergences: await divergencesOf(replicas, items),
    counts: {
      items: items.size,
      writes: first.writes + second.writes,
      ...{ lost, crashes, redrives, processes, thawed },
      workers: first.result + workers,
    },
  };
};

let played = 0;

/** Plays a live test, and compares the replicas with the table. */
export const play = async (options: LivePlay): Promise<LiveResult> => {
  played += 1;
  const world = await openWorld(options, `live-${options.seed}-${played}`);
  try {
    return await playIn(world);
  } finally {
    await world.live.stop();
    await endWorkers();
    await Promise.all(targetNames.map((name) => world.replicas[name].target.close()));
    world.table.close();
    await rm(world.folder, { recursive: true, force: true });
  }
};
