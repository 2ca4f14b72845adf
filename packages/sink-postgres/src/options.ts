// The options, their defaults and their checks. No code here connects to Postgres.

import {
  type Change,
  checkClient,
  checkEither,
  checkKeyMap,
  checkText,
  invalidOption,
  type KeyValue,
} from "@sluice/core/sink-kit";
import { type PoolSettings, type PostgresConnection, poolSettings } from "./client/connection.ts";
import type { PostgresPool } from "./client/pool.ts";
import { type ColumnMap, type DeclaredColumn, declareColumns } from "./schema/columns.ts";
import { maxTableBytes, type PostgresGuard, type Relations, relationsOf } from "./schema/relations.ts";

/** The key columns: names that key attributes share, a map of column to attribute, or a function of the item's key. */
export type PostgresKeyMap =
  | readonly string[]
  | { readonly [column: string]: string }
  | ((keys: Change["keys"]) => { readonly [column: string]: KeyValue });

/** Options of `postgresSink`. */
export interface PostgresSinkOptions {
  /** Your own `pg.Pool`, which the sink never ends. Set either this or `connection`. */
  readonly pool?: PostgresPool;
  /** Settings of a pool that the sink creates and ends. */
  readonly connection?: PostgresConnection;
  /** The table to write or, under the inline guard, the view that shows the live items. */
  readonly table: string;
  /** Default: the first schema in the connection's search path that has the table. */
  readonly schema?: string;
  /** Default: the columns of the primary key, each from the key attribute of the same name. */
  readonly key?: PostgresKeyMap;
  /**
   * A list names the columns that rows contain. An object gives the type and source of each column, and then the sink
   * has its own mapper. Default: the table's columns, except generated columns and columns with a default.
   */
  readonly columns?: readonly string[] | ColumnMap;
  /** Where versions are stored. Default `version-table`: a separate table, so that a removal can delete the row. */
  readonly guard?: PostgresGuard;
  /** For logs, metrics and dead letters. Default `postgres`. */
  readonly name?: string;
}

/** The user's own pool, or the settings of the pool that the sink creates. */
export type PoolSource = { readonly pool: PostgresPool } | { readonly settings: PoolSettings };

/** The options after their checks, with defaults. */
export interface PostgresSettings {
  readonly name: string;
  readonly relations: Relations;
  readonly source: PoolSource;
  readonly key: PostgresKeyMap | undefined;
  /** Columns that rows contain, if the user lists them. */
  readonly listed: readonly string[] | undefined;
  /** Columns with their attribute paths, if the user declares them. */
  readonly declared: readonly DeclaredColumn[] | undefined;
}

/** Checks the name, because Postgres allows no NUL in an identifier. */
const checkIdentifier = (option: string, value: unknown): void => {
  checkText(option, value);
  if (String(value).includes("\0")) throw invalidOption(option, "must not hold NUL (U+0000)");
};

const checkTable = (table: unknown, guard: PostgresGuard): void => {
  checkIdentifier("table", table);
  const bytes = Buffer.byteLength(String(table));
  const most = maxTableBytes(guard);
  if (bytes > most)
    throw invalidOption("table", `is ${bytes} bytes; the limit with guard "${guard}" is ${most}, of Postgres' 63`);
};

const sourceOf = ({ pool, connection }: PostgresSinkOptions): PoolSource => {
  checkEither({ pool, connection });
  if (connection !== undefined) return { settings: poolSettings(connection) };
  checkClient(pool, "connect", "a pool of the package pg", "pool");
  return { pool: pool as PostgresPool };
};

const isList = (columns: readonly string[] | ColumnMap): columns is readonly string[] => Array.isArray(columns);

const columnsOf = (columns: PostgresSinkOptions["columns"]): Pick<PostgresSettings, "listed" | "declared"> => {
  if (columns === undefined) return { listed: undefined, declared: undefined };
  if (typeof columns !== "object") throw invalidOption("columns", "must be a list or an object");
  if (!isList(columns)) return { listed: undefined, declared: Object.freeze(declareColumns(columns)) };
  for (const column of columns) checkIdentifier("columns", column);
  return { listed: Object.freeze([...columns]), declared: undefined };
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const checkOptions = (options: PostgresSinkOptions): PostgresSettings => {
  const { table, schema, key, columns, guard = "version-table", name = "postgres" } = options;
  if (guard !== "version-table" && guard !== "inline") {
    throw invalidOption("guard", 'must be "version-table" or "inline"');
  }
  checkTable(table, guard);
  if (schema !== undefined) checkIdentifier("schema", schema);
  checkText("name", name);
  return Object.freeze({
    name,
    relations: relationsOf(guard, table, schema),
    source: sourceOf(options),
    key: checkKeyMap(key, "must be a list of columns, an object of column to key attribute, or a function"),
    ...columnsOf(columns),
  });
};
