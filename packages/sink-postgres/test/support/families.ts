// A table of orders with lines, notes by name and parts of lines, for tests of child tables.

import type { UpsertDelivery } from "@sluice/core/sink-kit";
import type { PostgresEngine } from "@sluice/local";
import { toImage } from "@sluice/testing";
import {
  type ColumnMap,
  type MappedPostgresSink,
  type PostgresChild,
  type PostgresGuard,
  type PostgresSinkOptions,
  postgresSink,
} from "../../src/index.ts";
import { changeOf, type Database, newDatabase, removalOf, upsertOf } from "./deliveries.ts";

/** An order's lines, the parts of each line, and the order's notes. */
export const children: readonly PostgresChild[] = [
  {
    table: "order_lines",
    of: "lines",
    key: { order_id: "id" },
    position: "line_no",
    columns: { sku: "varchar(9)", quantity: { path: "qty", type: "numeric(9,2)" }, extra: "text" },
    children: [
      { table: "line_parts", of: "parts", position: "part_no", columns: { part: { path: [], type: "text" } } },
    ],
  },
  { table: "order_notes", of: "notes", memberName: "name", columns: { note: { path: [], type: "jsonb" } } },
];

/** The options of the sink of orders, without a pool. */
export const family = {
  table: "orders",
  key: { id: "id" },
  columns: { id: "text", label: "text" },
  children,
} as const;

/** A delivery that writes an order. */
export const putOrder = (id: string, position: number, order: { readonly [attribute: string]: unknown }) => {
  const change = changeOf({ id }, position, order);
  return upsertOf(change, toImage({ id, ...order } as never)) as UpsertDelivery<never>;
};

/** A delivery that removes an order. */
export const removeOrder = (id: string, position: number): UpsertDelivery<never> =>
  removalOf(changeOf({ id }, position));

/** A database with the tables of orders. */
export interface OpenFamily {
  readonly database: Database;
  readonly sink: MappedPostgresSink;
  /** The table with the rows of orders. */
  readonly rows: string;
  readonly versions: string;
}

/** Creates a database with the tables of orders. `before` is SQL that runs before `ensure`. */
export const openFamily = async (
  engine: PostgresEngine,
  guard: PostgresGuard,
  { before, ...more }: Partial<PostgresSinkOptions> & { readonly columns?: ColumnMap; readonly before?: string } = {},
): Promise<OpenFamily> => {
  const database = await newDatabase(engine, 6);
  if (before !== undefined) await database.sql(before);
  const sink = postgresSink({ ...family, pool: database.pool, guard, ...more });
  await sink.ensure();
  const isInline = guard === "inline";
  return {
    database,
    sink,
    rows: isInline ? "orders_with_tombstones" : "orders",
    versions: isInline ? "orders_with_tombstones" : "orders_sluice",
  };
};
