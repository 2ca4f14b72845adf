// Creates the sink from its options. The sink connects at its first write.

import {
  checkTombstoneDays,
  type Image,
  imageOf,
  type LazyClient,
  type LiveChange,
  lazyClient,
  type Maintenance,
  type MappedSink,
  type Sink,
  SinkError,
  withinDeadline,
  withoutDeadline,
} from "@sluice/core/sink-kit";
import { databaseOf } from "./client/database.ts";
import { openPool, type PostgresPool } from "./client/pool.ts";
import { type RunInSession, withSession } from "./client/session.ts";
import { checkOptions, type PostgresSettings, type PostgresSinkOptions } from "./options.ts";
import type { ColumnMap } from "./schema/columns.ts";
import { purgeDepartures } from "./schema/departures.ts";
import { ensureTables } from "./schema/ensure.ts";
import { purgeTombstones } from "./schema/purge.ts";
import { dryRunBatch, type HandleBatch, readPlan, type WritePlan, writeBatch } from "./write/write-batch.ts";

/** A value of a row. Dates, bytes, `NumberValue`s, sets and arrays are converted, and all other objects become JSON. */
export type PostgresValue = string | number | bigint | boolean | null | undefined | Date | Uint8Array | object;

/** A row that a mapper returns: an object of column names and values. A column that the row lacks becomes NULL. */
export interface PostgresRow {
  readonly [column: string]: PostgresValue;
}

/** Keeps the rows of one table equal to the mapped items. `ensure` creates missing tables, views and columns. */
export interface PostgresSink<Message = PostgresRow> extends Sink<Message, "upsert">, Maintenance {
  readonly close: Maintenance["close"];
}

/** A sink for which option `columns` is an object. `map` is its mapper. It returns the item's image from the record. */
export interface MappedPostgresSink extends PostgresSink<Image> {
  readonly map: MappedSink<Image, "upsert">["map"];
}

/** The type of `postgresSink`. If option `columns` is an object, the sink has its own mapper `map`. */
export interface PostgresFactory {
  (options: PostgresSinkOptions & { readonly columns: ColumnMap }): MappedPostgresSink;
  (options: PostgresSinkOptions & { readonly columns?: readonly string[] }): PostgresSink;
}

const lazyPool = ({ source }: PostgresSettings): LazyClient<PostgresPool> =>
  "settings" in source
    ? lazyClient<PostgresPool>(
        undefined,
        () => openPool(source.settings),
        (pool) => pool.end(),
      )
    : { get: async () => source.pool, close: async () => undefined };

type WriteRows = PostgresSink<unknown>["write"];

/** Creates `write` and `dryRun`. Both use the same `WritePlan`. */
const writesOf = (settings: PostgresSettings, run: RunInSession): ((handle: HandleBatch) => WriteRows) => {
  let plan: WritePlan | undefined;
  return (handle) =>
    withinDeadline(settings.name, (batch, context) =>
      run(context, async (session) => {
        try {
          plan ??= await readPlan(session, settings);
          return await handle(session, settings, plan, batch, context.signal);
        } catch (error) {
          // The table may have changed since `plan` was created, so the next write creates a new plan.
          if (error instanceof SinkError && error.code === "SINK_MISSING") plan = undefined;
          throw error;
        }
      }),
    );
};

/** Identifies the table. Two sinks with their own pools for one database have different texts. */
const targetOf = ({ source, relations }: PostgresSettings): string =>
  `${"settings" in source ? databaseOf(source.settings) : databaseOf(source.pool)} ${relations.table}`;

const newImage = (change: LiveChange<unknown>): Image => imageOf(change, "NewImage", 'option "columns"');

const makeSink = (options: PostgresSinkOptions): PostgresSink<unknown> | MappedPostgresSink => {
  const settings = checkOptions(options);
  const { name, relations } = settings;
  const pool = lazyPool(settings);
  const run: RunInSession = async (context, use) => withSession(name, await pool.get(), context, use);
  const writeWith = writesOf(settings, run);
  const sink: PostgresSink<unknown> = {
    name,
    target: targetOf(settings),
    supports: { writes: "upsert" },
    write: writeWith(writeBatch),
    dryRun: writeWith(dryRunBatch),
    ensure: (ensure) => run(withoutDeadline, (session) => ensureTables(session, settings, ensure)),
    purge: async ({ olderThanDays } = {}) => {
      const days = checkTombstoneDays("olderThanDays", olderThanDays);
      return run(
        withoutDeadline,
        async (session) =>
          (await purgeTombstones(session, relations, days)) + (await purgeDepartures(session, relations, days)),
      );
    },
    close: pool.close,
  };
  return settings.declared === undefined ? sink : { ...sink, map: newImage };
};

/**
 * Creates a sink that keeps the rows of a Postgres table equal to the mapped items, by bulk upserts and deletes.
 * A write never replaces a newer version. The first write connects.
 * @throws {ConfigError} CONFIG_INVALID when an option is invalid.
 */
export const postgresSink: PostgresFactory = makeSink as PostgresFactory;
