// Calls of `read`, `canonical` and `keys` for tests.

import { expect } from "@jest/globals";
import type { CopyContent, DeliveryError, HeldCopy, HeldKey, KeysRequest, UpsertDelivery } from "@sluice/core/sink-kit";
import type { PostgresEngine } from "@sluice/local";
import pg from "pg";
import {
  type PostgresGuard,
  type PostgresRow,
  type PostgresSink,
  type PostgresSinkOptions,
  postgresSink,
} from "../../src/index.ts";
import { changeOf, type Database, invocation, newDatabase, outcomesOf, removalOf, upsertOf } from "./deliveries.ts";

/** Names and values of an item's key attributes. */
export type Keys = { readonly [attribute: string]: unknown };
export type Delivery = UpsertDelivery<PostgresRow>;

/** A delivery that writes a row. */
export const put = (keys: Keys, position: number, row: PostgresRow): Delivery =>
  upsertOf(changeOf(keys, position, {}), row);

/** A delivery that removes the row. */
export const remove = (keys: Keys, position: number): Delivery => removalOf(changeOf(keys, position));

/** Writes deliveries, and returns their outcomes. */
export const write = async (sink: PostgresSink, ...batch: readonly Delivery[]): Promise<string[]> =>
  outcomesOf(batch, await sink.write(batch, invocation()));

/** Reads copies. */
export const read = async (
  sink: PostgresSink,
  ...batch: readonly Delivery[]
): Promise<readonly (HeldCopy | undefined)[]> => (await sink.read?.(batch, invocation())) ?? [];

/** Computes contents. */
export const canonical = async (
  sink: PostgresSink,
  ...batch: readonly Delivery[]
): Promise<readonly (CopyContent | DeliveryError)[]> => (await sink.canonical?.(batch, invocation())) ?? [];

/** Lists all keys, page by page and part by part. */
export const allKeys = async (
  sink: PostgresSink,
  keyTypes: KeysRequest["keyTypes"],
  { parts = 1, limit = 1_000 } = {},
): Promise<HeldKey[]> => {
  const found: HeldKey[] = [];
  for (let part = 0; part < parts; part += 1) {
    let after: string | undefined;
    do {
      const page = await sink.keys?.({ part, parts, after, limit, keyTypes }, invocation());
      found.push(...(page?.keys ?? []));
      expect(page?.keys.length ?? 0).toBeLessThanOrEqual(limit);
      // A page that starts where the page before started would never end.
      if (after !== undefined) expect(page?.next).not.toBe(after);
      after = page?.next;
    } while (after !== undefined);
  }
  return found;
};

/** The values as JSON, in an order that does not depend on theirs. */
export const sorted = (values: readonly unknown[]): unknown[] => values.map((value) => JSON.stringify(value)).sort();

/** A table `items` with these columns, and a sink for the table. */
export interface OpenTable {
  readonly database: Database;
  readonly sink: PostgresSink;
  /** The table that the sink writes. */
  readonly relation: string;
  readonly versions: string;
}

/** Creates a database with a table `items` and its guard. */
export const openTable = async (
  engine: PostgresEngine,
  guard: PostgresGuard,
  columns: string,
  more: Omit<PostgresSinkOptions, "columns" | "table"> = {},
): Promise<OpenTable> => {
  const database = await newDatabase(engine);
  const relation = guard === "inline" ? "items_with_tombstones" : "items";
  await database.sql(columns.includes(";") ? columns : `CREATE TABLE ${relation} (${columns})`);
  const sink = postgresSink({ pool: database.pool, table: "items", guard, ...more });
  await sink.ensure();
  return { database, sink, relation, versions: guard === "inline" ? relation : "items_sluice" };
};

/** A pool whose sessions have other settings. */
export const poolWith = ({ url }: Database, options: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, options, max: 2 });
  pool.on("error", () => undefined);
  return pool;
};
