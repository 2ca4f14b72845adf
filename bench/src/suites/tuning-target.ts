// The targets of the suite tuning: a real Postgres, and targets whose requests take a modelled time.

import { setTimeout as sleep } from "node:timers/promises";
import { type PipelineHandler, pipeline } from "@sluice/core";
import { chunk, delivered, type Sink, semaphore } from "@sluice/core/sink-kit";
import { postgresSink } from "@sluice/sink-postgres";
import type pg from "pg";
import { filmColumns, keyAttribute, keyColumn } from "../films.ts";
import { silent } from "../pipeline-handler.ts";

/** A target that the suite measures. */
export interface TuningTarget {
  readonly name: string;
  /** Empties the target and returns the handler of a new execution environment. */
  readonly open: () => Promise<PipelineHandler>;
}

/** Milliseconds that a request to a modelled target takes. */
export const requestMs = 20;

/** Number of entries that a request to a modelled target may contain. */
export const requestEntries = 100;

const start = () => pipeline("films", { onReject: "block", logger: silent });

const modelledSink = (connections: number): Sink<unknown, "upsert"> => {
  const withConnection = semaphore(connections);
  return {
    name: "modelled",
    supports: { writes: "upsert" },
    write: async (batch) => {
      const limits = { maxEntries: requestEntries, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 };
      for (const _ of chunk(batch, limits)) await withConnection(() => sleep(requestMs));
      return batch.map((delivery) => delivered(delivery));
    },
  };
};

/**
 * A target in another place: an invocation sends one request after the other, and a request uses a connection for its
 * whole time. Requests wait while all connections are in use, as behind a connection pool or RDS Proxy.
 */
export const modelledTarget = (connections: number = Number.POSITIVE_INFINITY): TuningTarget => ({
  name: "modelled",
  open: async () =>
    start()
      .to(modelledSink(connections), ({ after }) => after)
      .handler(),
});

const relation = "sluice_bench_tuning";

/** A table of the server that the pool is connected to. */
export const postgresTarget = (pool: pg.Pool): TuningTarget => ({
  name: "postgres",
  open: async () => {
    const sink = postgresSink({
      pool,
      table: relation,
      key: { [keyColumn]: keyAttribute },
      columns: filmColumns,
    });
    await sink.ensure();
    await pool.query(`TRUNCATE ${relation}, ${relation}_sluice`);
    return start().to(sink).handler();
  },
});
