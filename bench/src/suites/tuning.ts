// Measures what the settings of an event source mapping do: batch size, parallelization factor, batching window, and the
// number of shards. The mapping is the emulation of @sluice/local on a scripted stream, in this process. The suite writes
// its tables and charts into the documentation.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { StreamRecord } from "@sluice/core/sink-kit";
import { startPostgres } from "@sluice/local";
import pg from "pg";
import { filmsUpTo, insertEvents } from "../films.ts";
import { withSection } from "../marked-section.ts";
import { rounded } from "../statistics.ts";
import type { Figures, Suite, SuiteOptions } from "../suite.ts";
import { backlogOf, type CatchUp, catchUp, type SteadyResult, steady } from "./tuning-load.ts";
import {
  type ConcurrencyCell,
  chartsOf,
  type LatencyCell,
  linesOf,
  type ThroughputCell,
  type TuningResults,
} from "./tuning-report.ts";
import { modelledTarget, postgresTarget, type TuningTarget } from "./tuning-target.ts";

/** The cells of the tables, and the time that each of them takes. */
interface Plan {
  readonly batchSizes: readonly number[];
  readonly factors: readonly number[];
  readonly latencyFactors: readonly number[];
  readonly windows: readonly number[];
  readonly shards: readonly number[];
  readonly connections: number;
  readonly backlog: number;
  readonly catchUpMs: number;
  readonly steadyMs: number;
  readonly steadyPerSecond: number;
  readonly windowMs: number;
  readonly windowPerSecond: number;
}

const wholePlan: Plan = {
  batchSizes: [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000],
  factors: [1, 2, 4, 10],
  latencyFactors: [1, 10],
  windows: [0, 1, 2, 5],
  shards: [1, 2, 4],
  connections: 10,
  backlog: 50_000,
  catchUpMs: 750,
  steadyMs: 2_000,
  steadyPerSecond: 500,
  windowMs: 15_000,
  windowPerSecond: 20,
};

const quickPlan: Plan = {
  ...wholePlan,
  batchSizes: [1, 30, 1_000],
  windows: [0, 1],
  shards: [1, 2],
  backlog: 2_000,
  catchUpMs: 50,
  steadyMs: 200,
  steadyPerSecond: 20,
  windowMs: 200,
};

/** The batch size of the measurement of concurrency: so small that the process is not the limit before the connections. */
const concurrencyBatch = 10;

/** Number of runs of a throughput. The fastest counts, because other programs can only slow a run down. */
const passes = 2;

const recordsUpTo = async (count: number): Promise<readonly StreamRecord[]> =>
  insertEvents(await filmsUpTo(count), count).flatMap(({ Records }) => Records);

/** Runs the tasks one after the other, because they share the cores. */
const inTurn = async <Entry, Value>(
  entries: readonly Entry[],
  task: (entry: Entry) => Promise<Value>,
): Promise<Value[]> => {
  const values: Value[] = [];
  for (const entry of entries) values.push(await task(entry));
  return values;
};

const cellsOf = (factors: readonly number[], batchSizes: readonly number[]) =>
  factors.flatMap((factor) => batchSizes.map((batchSize) => ({ factor, batchSize })));

const fastest = <Result extends CatchUp>(results: readonly Result[]): Result =>
  results.reduce((best, result) => (result.changesPerSecond > best.changesPerSecond ? result : best));

const throughputOf = async (
  target: TuningTarget,
  records: readonly StreamRecord[],
  plan: Plan,
): Promise<ThroughputCell[]> => {
  const stream = backlogOf(records, 1);
  // The first run warms up the JIT and the connections, and is not reported.
  await catchUp(stream, target, { batchSize: 100, parallelizationFactor: 1 }, plan.catchUpMs);
  const pass = (): Promise<ThroughputCell[]> =>
    inTurn(cellsOf(plan.factors, plan.batchSizes), async ({ factor, batchSize }) => ({
      target: target.name,
      factor,
      batchSize,
      ...(await catchUp(stream, target, { batchSize, parallelizationFactor: factor }, plan.catchUpMs)),
    }));
  const runs = await inTurn(Array.from({ length: passes }), pass);
  return (runs[0] ?? []).map((_, cell) => fastest(runs.flatMap((run) => run[cell] ?? [])));
};

/** Measures the latency of the settings whose throughput exceeds the rate of the writes. */
const latencyOf = async (
  target: TuningTarget,
  records: readonly StreamRecord[],
  plan: Plan,
  throughput: readonly ThroughputCell[],
): Promise<LatencyCell[]> => {
  const load = { changesPerSecond: plan.steadyPerSecond, ms: plan.steadyMs, records };
  const keepsUp = ({ factor, batchSize }: { readonly factor: number; readonly batchSize: number }): boolean =>
    throughput.some(
      (cell) => cell.factor === factor && cell.batchSize === batchSize && cell.changesPerSecond > load.changesPerSecond,
    );
  return inTurn(cellsOf(plan.latencyFactors, plan.batchSizes), async ({ factor, batchSize }) => ({
    target: target.name,
    factor,
    batchSize,
    latency: keepsUp({ factor, batchSize })
      ? await steady(load, target, { batchSize, parallelizationFactor: factor })
      : undefined,
  }));
};

/** Measures all windows at once: at this rate of writes the mappings hardly need the processor. */
const windowsOf = (records: readonly StreamRecord[], plan: Plan): Promise<TuningResults["windows"]> => {
  const load = { changesPerSecond: plan.windowPerSecond, ms: plan.windowMs, records };
  const measure = (seconds: number): Promise<SteadyResult> =>
    steady(load, modelledTarget(), { batchSize: 1_000, maximumBatchingWindowInSeconds: seconds });
  return Promise.all(plan.windows.map(async (seconds) => ({ seconds, ...(await measure(seconds)) })));
};

const concurrencyOf = (records: readonly StreamRecord[], plan: Plan): Promise<ConcurrencyCell[]> => {
  const cells = plan.shards.flatMap((shards) => {
    const stream = backlogOf(records, shards);
    return plan.factors.map((factor) => ({ stream, shards, factor }));
  });
  return inTurn(cells, async ({ stream, shards, factor }) => {
    const knobs = { batchSize: concurrencyBatch, parallelizationFactor: factor };
    const run = (target: TuningTarget): Promise<CatchUp> => catchUp(stream, target, knobs, plan.catchUpMs);
    const best = async (target: TuningTarget): Promise<CatchUp> =>
      fastest(
        await inTurn(
          Array.from({ length: passes }, () => target),
          run,
        ),
      );
    return {
      shards,
      factor,
      limited: await best(modelledTarget(plan.connections)),
      unlimited: await best(modelledTarget()),
    };
  });
};

const measure = async (pool: pg.Pool, plan: Plan): Promise<TuningResults> => {
  const [loadBefore = 0] = loadavg();
  const records = await recordsUpTo(plan.backlog);
  const targets = [modelledTarget(), postgresTarget(pool)];
  const throughput = await inTurn(targets, (target) => throughputOf(target, records, plan));
  const latency = await inTurn(targets, (target) =>
    latencyOf(
      target,
      records,
      plan,
      throughput.flat().filter((cell) => cell.target === target.name),
    ),
  );
  return {
    conditions: {
      loadBefore,
      backlog: plan.backlog,
      catchUpMs: plan.catchUpMs,
      steadyPerSecond: plan.steadyPerSecond,
      steadyMs: plan.steadyMs,
      windowPerSecond: plan.windowPerSecond,
      windowMs: plan.windowMs,
      connections: plan.connections,
      concurrencyBatch,
      passes,
    },
    throughput: throughput.flat(),
    latency: latency.flat(),
    windows: await windowsOf(records, plan),
    concurrency: await concurrencyOf(records, plan),
  };
};

const measureOnPostgres = async (plan: Plan): Promise<TuningResults> => {
  const engine = await startPostgres({ settings: { fsync: "on" } });
  const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: 10 });
  // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
  pool.on("error", () => undefined);
  try {
    return await measure(pool, plan);
  } finally {
    await pool.end();
    await engine.stop();
  }
};

/** Ratios of throughputs, which show how much a setting brings. */
const figuresOf = ({ throughput }: TuningResults): Figures => {
  const rate = (target: string, factor: number, batchSize: number): number =>
    throughput.find((cell) => cell.target === target && cell.factor === factor && cell.batchSize === batchSize)
      ?.changesPerSecond ?? Number.NaN;
  return Object.fromEntries(
    ["modelled", "postgres"].flatMap((target) => [
      [`tuning/${target}/batch-1000-vs-1`, rounded(rate(target, 1, 1_000) / rate(target, 1, 1))],
      [`tuning/${target}/factor-10-vs-1`, rounded(rate(target, 10, 30) / rate(target, 1, 30))],
    ]),
  );
};

/** Writes the charts into the folder `images`, and the tables into the page `tuning.md`. */
const updateDocs = async (docs: string, lines: readonly string[], results: TuningResults): Promise<void> => {
  await mkdir(join(docs, "images"), { recursive: true });
  for (const [name, svg] of Object.entries(chartsOf(results))) await writeFile(join(docs, "images", name), svg);
  const page = join(docs, "tuning.md");
  await writeFile(page, withSection(await readFile(page, "utf8"), "tuning", lines));
};

/** The suite that measures the settings of an event source mapping. */
export const tuningSuite: Suite = {
  name: "tuning",
  isRunByNameOnly: true,
  run: async ({ isQuick, docs }: SuiteOptions) => {
    const results = await measureOnPostgres(isQuick ? quickPlan : wholePlan);
    const lines = linesOf(results);
    if (docs !== undefined) await updateDocs(docs, lines, results);
    return { figures: figuresOf(results), goals: {}, lines };
  },
};
