// The tables and charts of the suite tuning.

import { type Series, svgChart } from "@sluice/charts";
import { machine } from "../machine.ts";
import { table } from "../markdown.ts";
import { rounded } from "../statistics.ts";
import type { CatchUp, SteadyResult } from "./tuning-load.ts";
import { requestEntries, requestMs } from "./tuning-target.ts";

interface Cell {
  readonly target: string;
  readonly factor: number;
  readonly batchSize: number;
}

/** The throughput of a target with a batch size and a parallelization factor. */
export type ThroughputCell = Cell & CatchUp;

/** The latency of a target. It is undefined if the settings cannot keep up with the writes. */
export interface LatencyCell extends Cell {
  readonly latency: SteadyResult | undefined;
}

/** The throughput of a number of shards and a parallelization factor, with few and with unlimited connections. */
export interface ConcurrencyCell {
  readonly shards: number;
  readonly factor: number;
  readonly limited: CatchUp;
  readonly unlimited: CatchUp;
}

/** All results of the suite. */
export interface TuningResults {
  readonly conditions: {
    /** The load average of the last minute before the start. */
    readonly loadBefore: number;
    readonly backlog: number;
    readonly catchUpMs: number;
    readonly steadyPerSecond: number;
    readonly steadyMs: number;
    readonly windowPerSecond: number;
    readonly windowMs: number;
    readonly connections: number;
    readonly concurrencyBatch: number;
    /** Number of runs of a throughput, of which the fastest counts. */
    readonly passes: number;
  };
  readonly throughput: readonly ThroughputCell[];
  readonly latency: readonly LatencyCell[];
  readonly windows: readonly (SteadyResult & { readonly seconds: number })[];
  readonly concurrency: readonly ConcurrencyCell[];
}

const titles: Readonly<Record<string, string>> = {
  modelled: `${requestMs} ms per request of up to ${requestEntries} changes`,
  postgres: "Postgres on the same machine",
};

const titleOf = (target: string): string => titles[target] ?? target;

const unique = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

const targetsOf = ({ throughput }: TuningResults): string[] => unique(throughput.map(({ target }) => target));

const batchAxis = { label: "batch size, changes (logarithmic)", scale: "log" } as const;

/** One line for each parallelization factor. */
const byFactor = <C extends Cell>(cells: readonly C[], value: (cell: C) => number): Series[] =>
  unique(cells.map(({ factor }) => factor)).map((factor) => ({
    label: `factor ${factor}`,
    points: cells.filter((cell) => cell.factor === factor).map((cell) => [cell.batchSize, value(cell)]),
  }));

const throughputChart = ({ throughput }: TuningResults, target: string): string =>
  svgChart({
    title: `Throughput: ${titleOf(target)}`,
    x: batchAxis,
    y: { label: "changes per second (logarithmic)", scale: "log" },
    series: byFactor(
      throughput.filter((cell) => cell.target === target),
      ({ changesPerSecond }) => changesPerSecond,
    ),
  });

const latencyChart = ({ latency, conditions }: TuningResults, target: string): string => {
  const cells = latency.filter((cell) => cell.target === target);
  const series = (name: string, value: (latency: SteadyResult) => number): Series[] =>
    byFactor(cells, (cell) => (cell.latency ? value(cell.latency) : Number.NaN)).map(({ label, points }, colour) => ({
      label: `${name}, ${label}`,
      points,
      colour,
      isDashed: name === "p99",
    }));
  return svgChart({
    title: `Latency at ${conditions.steadyPerSecond} changes/s: ${titleOf(target)}`,
    x: batchAxis,
    y: { label: "ms from the write to the delivery", scale: "linear" },
    series: [...series("p99", ({ p99Ms }) => p99Ms), ...series("p50", ({ p50Ms }) => p50Ms)],
  });
};

const invocationChart = (results: TuningResults): string =>
  svgChart({
    title: "Duration of an invocation with a full batch, factor 1",
    x: { label: "changes of the batch (logarithmic)", scale: "log" },
    y: { label: "ms (logarithmic)", scale: "log" },
    series: targetsOf(results).map((target) => ({
      label: target === "modelled" ? `${requestMs} ms per request` : "Postgres",
      points: results.throughput
        .filter((cell) => cell.target === target && cell.factor === 1)
        .map(({ largestBatch, largestBatchMs }) => [largestBatch, largestBatchMs]),
    })),
  });

const windowChart = ({ windows, conditions }: TuningResults): string =>
  svgChart({
    title: `Batching window at ${conditions.windowPerSecond} changes/s`,
    x: { label: "batching window, s", scale: "linear" },
    y: { label: "ms from the write to the delivery", scale: "linear" },
    series: [
      { label: "p99", points: windows.map(({ seconds, p99Ms }) => [seconds, p99Ms]), isDashed: true },
      { label: "p50", points: windows.map(({ seconds, p50Ms }) => [seconds, p50Ms]) },
    ],
  });

/** Concurrencies in ascending order. Of equal concurrencies the one with the fewest shards stays. */
const byConcurrency = (cells: readonly ConcurrencyCell[]): (readonly [number, ConcurrencyCell])[] => {
  const known = new Map<number, ConcurrencyCell>();
  for (const cell of cells) {
    const concurrency = cell.shards * cell.factor;
    if (!known.has(concurrency)) known.set(concurrency, cell);
  }
  return [...known].sort(([one], [other]) => one - other);
};

const concurrencyChart = ({ concurrency, conditions }: TuningResults, value: "changesPerSecond" | "largestBatchMs") => {
  const cells = byConcurrency(concurrency);
  const isRate = value === "changesPerSecond";
  return svgChart({
    title: isRate ? "Throughput over concurrency" : "Duration of an invocation over concurrency",
    x: { label: "concurrent invocations: shards × parallelization factor", scale: "linear" },
    y: { label: isRate ? "changes per second" : "ms", scale: "linear" },
    series: [
      {
        label: `${conditions.connections} connections`,
        points: cells.map(([count, { limited }]) => [count, limited[value]]),
      },
      {
        label: "no limit",
        points: cells.map(([count, { unlimited }]) => [count, unlimited[value]]),
        isDashed: true,
      },
    ],
  });
};

/** The charts, by the names of their files. */
export const chartsOf = (results: TuningResults): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    targetsOf(results).flatMap((target) => [
      [`tuning-throughput-${target}.svg`, throughputChart(results, target)],
      [`tuning-latency-${target}.svg`, latencyChart(results, target)],
    ]),
  ),
  "tuning-invocation.svg": invocationChart(results),
  "tuning-window.svg": windowChart(results),
  "tuning-concurrency.svg": concurrencyChart(results, "changesPerSecond"),
  "tuning-concurrency-duration.svg": concurrencyChart(results, "largestBatchMs"),
});

const batchSizesOf = (cells: readonly Cell[]): number[] => unique(cells.map(({ batchSize }) => batchSize));

const throughputTable = ({ throughput }: TuningResults, target: string): string[] => {
  const cells = throughput.filter((cell) => cell.target === target);
  const factors = unique(cells.map(({ factor }) => factor));
  const rows = batchSizesOf(cells).map((batchSize) => {
    const row = cells.filter((cell) => cell.batchSize === batchSize);
    const [first] = row;
    return [
      batchSize.toLocaleString("en"),
      ...row.map(({ changesPerSecond }) => rounded(changesPerSecond)),
      first?.largestBatch ?? "",
      rounded(first?.largestBatchMs ?? Number.NaN),
    ];
  });
  const head = [
    "batch size",
    ...factors.map((factor) => `factor ${factor}`),
    "largest batch, factor 1",
    "ms of its invocation",
  ];
  return [`Throughput, changes per second: ${titleOf(target)}.`, "", ...table(head, rows), ""];
};

const latencyTable = ({ latency, conditions }: TuningResults, target: string): string[] => {
  const cells = latency.filter((cell) => cell.target === target);
  const factors = unique(cells.map(({ factor }) => factor));
  const text = ({ latency: measured }: LatencyCell): string =>
    measured === undefined ? "falls behind" : `${Math.round(measured.p50Ms)} / ${Math.round(measured.p99Ms)}`;
  const rows = batchSizesOf(cells).map((batchSize) => [
    batchSize.toLocaleString("en"),
    ...cells.filter((cell) => cell.batchSize === batchSize).map(text),
  ]);
  const head = ["batch size", ...factors.map((factor) => `factor ${factor}`)];
  return [
    `Latency at ${conditions.steadyPerSecond} changes per second, p50 / p99 in ms: ${titleOf(target)}.`,
    "",
    ...table(head, rows),
    "",
  ];
};

const windowTable = ({ windows, conditions }: TuningResults): string[] => [
  `Batching window at ${conditions.windowPerSecond} changes per second, batch size 1,000, factor 1: ${titleOf("modelled")}.`,
  "",
  ...table(
    ["window", "p50, ms", "p99, ms", "invocations for 1,000 changes"],
    windows.map(({ seconds, p50Ms, p99Ms, invocations, changes }) => [
      `${seconds} s`,
      Math.round(p50Ms),
      Math.round(p99Ms),
      Math.round((1_000 * invocations) / changes),
    ]),
  ),
  "",
];

const concurrencyTable = ({ concurrency, conditions }: TuningResults): string[] => [
  `Concurrency, batch size ${conditions.concurrencyBatch}: ${titleOf("modelled")}, with ${conditions.connections} connections and without a limit.`,
  "",
  ...table(
    [
      "shards × factor",
      `changes/s, ${conditions.connections} connections`,
      "ms of an invocation",
      "changes/s, no limit",
      "ms of an invocation",
    ],
    concurrency.map(({ shards, factor, limited, unlimited }) => [
      `${shards} × ${factor} = ${shards * factor}`,
      rounded(limited.changesPerSecond),
      Math.round(limited.largestBatchMs),
      rounded(unlimited.changesPerSecond),
      Math.round(unlimited.largestBatchMs),
    ]),
  ),
];

/** The lines of Markdown: the conditions of the run, and the tables. */
export const linesOf = (results: TuningResults): string[] => {
  const { loadBefore, backlog, passes, catchUpMs, steadyMs, windowMs } = results.conditions;
  return [
    `The measurement ended on ${new Date().toISOString().slice(0, 16).replace("T", " at ")} UTC, with a load average of ${loadBefore.toFixed(1)} before the start: ${machine()}.`,
    `A throughput is the faster of ${passes} runs of ${catchUpMs / 1_000} s, on a backlog of ${backlog.toLocaleString("en")} films on one shard (the last table: on its shards). A latency is measured for ${steadyMs / 1_000} s, a window for ${windowMs / 1_000} s.`,
    "",
    ...targetsOf(results).flatMap((target) => [...throughputTable(results, target), ...latencyTable(results, target)]),
    ...windowTable(results),
    ...concurrencyTable(results),
  ];
};
