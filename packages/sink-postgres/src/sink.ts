// Creates the sink from its options. The sink connects at its first write.

import {
  checkOptionNames,
  checkTombstoneDays,
  type EnsureOptions,
  type Image,
  imageOf,
  type LiveChange,
  type Maintenance,
  type MappedSink,
  notStarted,
  type PurgeOptions,
  type Sink,
  SinkError,
  type WriteContext,
  withinDeadline,
  withoutDeadline,
} from "@sluice/core/sink-kit";
import { databaseOf } from "./client/database.ts";
import { loadPg, openPool } from "./client/pool.ts";
import { ownPool, type PoolKeeper, userPool } from "./client/pool-keeper.ts";
import { readOnly } from "./client/read-only.ts";
import { type Session, withSession } from "./client/session.ts";
import { checkOptions, type PostgresSettings, type PostgresSinkOptions } from "./options.ts";
import { canonicalContents, readCopies } from "./read/batch-reader.ts";
import { listKeys } from "./read/keys.ts";
import type { ChildSettings } from "./schema/children.ts";
import type { ColumnMap } from "./schema/columns.ts";
import { purgeDepartures } from "./schema/departures.ts";
import { ensureTables } from "./schema/ensure.ts";
import { oldestTombstone, purgeTombstones } from "./schema/purge.ts";
import { createPlans } from "./write/plan.ts";
import type { RowMemory } from "./write/send-rows.ts";
import { type BatchCall, dryRunBatch } from "./write/write-batch.ts";
import { writeHalves } from "./write/write-halves.ts";

/** A value of a row. Dates, bytes, `NumberValue`s, sets and arrays are converted, and all other objects become JSON. */
export type PostgresValue = string | number | bigint | boolean | null | undefined | Date | Uint8Array | object;

/**
 * A row that a mapper returns: an object of column names and values. A column that the row lacks becomes NULL, if option
 * `columns` or an earlier row names the column.
 */
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

const poolOf = ({ source }: PostgresSettings): PoolKeeper => {
  if ("pool" in source) return userPool(source.pool);
  return ownPool(async () => openPool("settings" in source ? source.settings : await source.readSettings()));
};

type PostgresMethods = Required<Pick<PostgresSink<unknown>, "write" | "dryRun" | "read" | "canonical" | "keys">>;

/** Creates the methods that need a plan of the table. They use the same plan. Reads tell nothing about rows that are written. */
const methodsOf = (settings: PostgresSettings, pool: PoolKeeper): PostgresMethods => {
  const plans = createPlans(settings);
  const [writes, reads] = [{ takesRows: false }, { takesRows: false }];
  const within = <Value>(memory: RowMemory, context: WriteContext, use: (call: BatchCall) => Promise<Value>) =>
    withSession({ ...settings, pool, queryMs: settings.timeoutMs }, context, async (session) => {
      try {
        return await use({ session, settings, plans, memory, signal: context.signal });
      } catch (error) {
        // The table may have changed since the plan was created, so the next call creates a new plan.
        if (error instanceof SinkError && error.code === "SINK_MISSING") plans.forget();
        throw error;
      }
    });
  const { splitFrom } = settings;
  const write: PostgresMethods["write"] = (batch, context) =>
    writeHalves({ splitFrom, plan: plans.known, pool: pool.get, lend: (use) => within(writes, context, use) }, batch);
  const dryRun: PostgresMethods["write"] = (batch, context) =>
    within(writes, context, (call) => dryRunBatch(call, batch));
  const read = async <Value>(context: WriteContext, use: (call: BatchCall) => Promise<Value>): Promise<Value> => {
    if (context.signal.aborted) throw notStarted(settings.name);
    return within(reads, context, use);
  };
  return {
    write: withinDeadline(settings.name, write),
    dryRun: withinDeadline(settings.name, dryRun),
    read: async (batch, context) => (batch.length === 0 ? [] : read(context, (call) => readCopies(call, batch))),
    canonical: async (batch, context) =>
      batch.length === 0 ? [] : read(context, (call) => canonicalContents(call, batch)),
    keys: (request, context) => read(context, (call) => listKeys(call, request)),
  };
};

/** Identifies the table. Two sinks with their own pools for one database have different texts. */
const targetOf = ({ source, relations }: PostgresSettings): string => `${databaseOf(source)} ${relations.table}`;

/** The child tables. An item that moves to another sink of the table takes its rows in these tables with it. */
const layoutOf = (children: readonly ChildSettings[]): string =>
  JSON.stringify(children.map(({ relation, children }) => [relation, layoutOf(children)]).sort());

const newImage = (change: LiveChange<unknown>): Image => imageOf(change, "NewImage", 'option "columns"');

const makeSink = (options: PostgresSinkOptions): PostgresSink<unknown> | MappedPostgresSink => {
  const settings = checkOptions(options);
  const { name, relations } = settings;
  const pool = poolOf(settings);
  // DDL and the deletion of tombstones may take longer than `timeoutMs`.
  const run = <Value>(use: (session: Session) => Promise<Value>): Promise<Value> =>
    withSession({ ...settings, pool, queryMs: Number.POSITIVE_INFINITY }, withoutDeadline, use);
  const sink: PostgresSink<unknown> = {
    name,
    target: targetOf(settings),
    layout: layoutOf(settings.children),
    supports: { writes: "upsert" },
    ...methodsOf(settings, pool),
    ensure: async (ensure = {}) => {
      checkOptionNames<EnsureOptions>("ensure", ensure, { apply: true });
      return run((session) =>
        ensure.apply === false
          ? readOnly(session, (reading) => ensureTables(reading, settings, ensure))
          : ensureTables(session, settings, ensure),
      );
    },
    purge: async (purge = {}) => {
      checkOptionNames<PurgeOptions>("purge", purge, { olderThanDays: true });
      const { olderThanDays } = purge;
      const days = checkTombstoneDays("olderThanDays", olderThanDays);
      return run(
        async (session) =>
          (await purgeTombstones(session, settings, days)) + (await purgeDepartures(session, relations, days)),
      );
    },
    oldestTombstone: (context) =>
      withSession({ ...settings, pool, queryMs: settings.timeoutMs }, context, (session) =>
        readOnly(session, (reading) => oldestTombstone(reading, relations)),
      ),
    // The pool is not opened: a function as `connection` may make requests, for example for a secret.
    ...("pool" in settings.source ? {} : { prepare: async () => void (await loadPg()) }),
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
