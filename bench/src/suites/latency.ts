// Measures the time from the acknowledged write of an item in DynamoDB Local to its visible copy: in a table of Postgres,
// and in a sink in memory. The mapping is the emulation of @sluice/local without a batching window.
// Postgres notes the time of each commit (track_commit_timestamp), so that no probe loads the server. It is the time just
// before the commit is flushed to disk, by the clock that also times the acknowledgements.

import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { type PipelineHandler, pipeline } from "@sluice/core";
import { delivered, type Sink } from "@sluice/core/sink-kit";
import { type DynamodbEngine, eventSourceMapping, startDynamodb, startPostgres, streamsClient } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { type PlainItem, toImage } from "@sluice/testing";
import pg from "pg";
import { filmColumns, filmsUpTo, insertEvents, keyAttribute, keyColumn } from "../films.ts";
import { createFilmsTable, type SdkItem } from "../films-table.ts";
import { table } from "../markdown.ts";
import { silent } from "../pipeline-handler.ts";
import { quantile, rounded } from "../statistics.ts";
import type { Figures, Suite } from "../suite.ts";
import { serverSettings } from "./postgres-content.ts";
import { steady } from "./tuning-load.ts";

const rates = [10, 100, 1_000] as const;
const measuredMs = 10_000;
const quickMs = 1_000;
/** The writes before the measurement, which open the connections and warm up the code. */
const warmupMs = 2_000;
/** Lambda polls a shard four times a second. */
const pollIntervalMs = 250;
const tickMs = 5;
/** Maximum number of writes in flight. If DynamoDB Local takes fewer writes a second, the load is lower, and the figures say so. */
const mostInFlight = 40;
const relation = "sluice_bench_latency";

/** Milliseconds since the epoch, with fractions. */
const nowMs = (): number => performance.timeOrigin + performance.now();

/** A target, and when it showed each item. */
interface LatencyTarget {
  readonly name: string;
  /** Empties the target and returns the handler of a new environment. */
  readonly open: () => Promise<PipelineHandler>;
  /** The time at which each item became visible, by its key. */
  readonly visibleMs: () => Promise<ReadonlyMap<number, number>>;
}

const memoryTarget = (): LatencyTarget => {
  const arrivals = new Map<number, number>();
  const sink: Sink<number, "upsert"> = {
    name: "memory",
    supports: { writes: "upsert" },
    write: async (batch) => {
      for (const { message } of batch) arrivals.set(Number(message), nowMs());
      return batch.map((delivery) => delivered(delivery));
    },
  };
  const open = async () => {
    arrivals.clear();
    return pipeline("films", { onReject: "block", logger: silent })
      .to(sink, ({ after }) => Number(after[keyAttribute]))
      .handler();
  };
  return { name: "memory", open, visibleMs: async () => arrivals };
};

const postgresTarget = (pool: pg.Pool): LatencyTarget => ({
  name: "postgres",
  open: async () => {
    const key = { [keyColumn]: keyAttribute };
    const sink = postgresSink({ pool, table: relation, key, columns: filmColumns });
    await sink.ensure();
    await pool.query(`TRUNCATE ${relation}, ${relation}_sluice`);
    return pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();
  },
  visibleMs: async () => {
    const { rows } = await pool.query<{ key: string; ms: string }>(
      `SELECT ${keyColumn} AS key, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS ms FROM ${relation}`,
    );
    return new Map(rows.map(({ key, ms }) => [Number(key), Number(ms)]));
  },
});

/** A rate needs two writes, also if the machine pauses for the time of the load. */
const leastWrites = 2;

/** Puts items at a constant rate for the time of the load. Returns the time of each acknowledgement, by the item's key. */
const putAll = async (
  client: DynamoDB,
  tableName: string,
  items: readonly PlainItem[],
  { perSecond, ms }: Pick<Load, "perSecond" | "ms">,
): Promise<ReadonlyMap<number, number>> => {
  const acknowledged = new Map<number, number>();
  const inFlight = new Set<Promise<void>>();
  const put = async (item: PlainItem): Promise<void> => {
    await client.putItem({ TableName: tableName, Item: toImage(item) as SdkItem });
    acknowledged.set(Number(item[keyAttribute]), nowMs());
  };
  const beganMs = performance.now();
  const elapsedMs = (): number => performance.now() - beganMs;
  for (let made = 0; made < items.length && (made < leastWrites || elapsedMs() < ms); ) {
    const due = Math.min(items.length, (elapsedMs() / 1_000) * perSecond);
    for (; made < due && inFlight.size < mostInFlight; made += 1) {
      const writing = put(items[made] as PlainItem).finally(() => inFlight.delete(writing));
      inFlight.add(writing);
    }
    await sleep(tickMs);
  }
  await Promise.all(inFlight);
  return acknowledged;
};

/** The latencies of a load in milliseconds, and the rate that DynamoDB Local acknowledged. */
interface Measured {
  readonly latenciesMs: readonly number[];
  readonly writesPerSecond: number;
}

/** The engine of the source, and the load. */
interface Load {
  readonly engine: DynamodbEngine;
  readonly perSecond: number;
  readonly ms: number;
  readonly warmupMs: number;
}

const measure = async (target: LatencyTarget, { engine, perSecond, ms, ...load }: Load): Promise<Measured> => {
  const client = new DynamoDB(engine.clientConfig);
  const tableName = `SluiceBenchLatency-${target.name}-${perSecond}`;
  const { streamArn } = await createFilmsTable(client, tableName, []);
  const errors: unknown[] = [];
  const mapping = eventSourceMapping({
    client: streamsClient(engine.endpoint),
    streamArn,
    handler: await target.open(),
    startingPosition: "TRIM_HORIZON",
    functionResponseTypes: ["ReportBatchItemFailures"],
    maximumRetryAttempts: 0,
    pollIntervalMs,
    batchSize: 1_000,
    onFunctionError: (error) => errors.push(error),
  });
  try {
    await mapping.start();
    const films = await filmsUpTo(Math.ceil((perSecond * (ms + load.warmupMs)) / 1_000));
    const measuredFromMs = nowMs() + load.warmupMs;
    const acknowledged = await putAll(client, tableName, films, { perSecond, ms: ms + load.warmupMs });
    await mapping.drained();
    if (errors.length > 0) throw errors[0];
    const visible = await target.visibleMs();
    if (visible.size !== acknowledged.size) {
      throw new Error(`${visible.size} items are visible; expected ${acknowledged.size}`);
    }
    const counted = [...acknowledged].filter(([, at]) => at >= measuredFromMs);
    const first = Math.min(...counted.map(([, at]) => at));
    const last = Math.max(...counted.map(([, at]) => at));
    return {
      latenciesMs: counted.map(([key, at]) => (visible.get(key) ?? Number.NaN) - at),
      writesPerSecond: (counted.length - 1) / ((last - first) / 1_000),
    };
  } finally {
    await mapping.stop();
    await client.deleteTable({ TableName: tableName });
    client.destroy();
  }
};

/**
 * Measures the highest rate on a scripted stream, because DynamoDB Local may take fewer writes a second. A change counts as
 * visible at the end of its invocation, which is after the commit.
 */
const scripted = async (target: LatencyTarget, ms: number): Promise<Figures> => {
  const perSecond = Math.max(...rates);
  const films = await filmsUpTo(Math.ceil((perSecond * ms) / 1_000));
  const records = insertEvents(films, films.length).flatMap(({ Records }) => Records);
  const load = { changesPerSecond: perSecond, ms, records };
  // The first run warms up the code and the connections.
  await steady({ ...load, ms: Math.min(ms, warmupMs) }, target, { batchSize: 1_000 });
  const { p50Ms, p99Ms } = await steady(load, target, { batchSize: 1_000 });
  const name = `latency/scripted/${target.name}/${perSecond}`;
  return { [`${name}/p50-ms`]: rounded(p50Ms), [`${name}/p99-ms`]: rounded(p99Ms) };
};

/** The suite that measures the time from a write to its visible copy. */
export const latencySuite: Suite = {
  name: "latency",
  isRunByNameOnly: true,
  run: async ({ isQuick }) => {
    const postgres = await startPostgres({ settings: { ...serverSettings, track_commit_timestamp: "on" } });
    const engine = await startDynamodb({ maxHeapMb: 512 });
    const pool = new pg.Pool({ connectionString: await postgres.createDatabase(), max: 10 });
    // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
    pool.on("error", () => undefined);
    try {
      const figures: Record<string, number> = { "latency/poll-interval-ms": pollIntervalMs };
      const rows: (string | number)[][] = [];
      for (const target of [memoryTarget(), postgresTarget(pool)]) {
        for (const perSecond of rates) {
          const load = { engine, perSecond, ms: isQuick ? quickMs : measuredMs, warmupMs: isQuick ? 0 : warmupMs };
          const { latenciesMs, writesPerSecond } = await measure(target, load);
          const [p50, p99] = [rounded(quantile(latenciesMs, 0.5)), rounded(quantile(latenciesMs, 0.99))];
          const name = `latency/${target.name}/${perSecond}`;
          Object.assign(figures, { [`${name}/p50-ms`]: p50, [`${name}/p99-ms`]: p99 });
          figures[`${name}/writes-per-second`] = rounded(writesPerSecond);
          rows.push([target.name, perSecond, rounded(writesPerSecond), p50, p99]);
        }
        Object.assign(figures, await scripted(target, isQuick ? quickMs : measuredMs));
      }
      const head = ["target", "writes/s", "acknowledged/s", "p50, ms", "p99, ms"];
      return { figures, goals: {}, lines: [`poll interval: ${pollIntervalMs} ms`, "", ...table(head, rows)] };
    } finally {
      await pool.end();
      await engine.stop();
      await postgres.stop();
    }
  },
};
