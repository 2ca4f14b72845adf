// The options, their defaults and their checks. No code here connects to Postgres.

import {
  type Change,
  checkClient,
  checkEither,
  checkKeyMap,
  checkOptionNames,
  checkText,
  checkWhole,
  invalidOption,
  type KeyValue,
  keySources,
  type OptionNames,
} from "@sluice/core/sink-kit";
import { type PostgresConnection, type SettingsSource, settingsSource } from "./client/connection.ts";
import type { PostgresPool } from "./client/pool.ts";
import { type ChildSettings, checkChildren, childrenInOrder, type PostgresChild } from "./schema/children.ts";
import { type ColumnMap, type DeclaredColumn, declareColumns } from "./schema/columns.ts";
import {
  maxTableBytes,
  nameProblem,
  type PostgresGuard,
  type Relations,
  relationsOf,
  reservedColumns,
  systemColumns,
} from "./schema/relations.ts";

/** How to get the key columns: names that are also key attributes, a map from column to attribute, or a function. */
export type PostgresKeyMap =
  | readonly string[]
  | { readonly [column: string]: string }
  | ((keys: Change["keys"]) => { readonly [column: string]: KeyValue });

/** Options of `postgresSink`. */
export interface PostgresSinkOptions {
  /** Your own `pg.Pool`, which the sink never ends. Set either `pool` or `connection`. */
  readonly pool?: PostgresPool;
  /** Settings of a pool that the sink creates and ends. */
  readonly connection?: PostgresConnection;
  /** The table to write. With guard `inline`, this is a view that shows only live items. */
  readonly table: string;
  /** The table's schema. Default: the first schema in the `search_path` that has the table. */
  readonly schema?: string;
  /** How to get the key columns. Default: each primary key column gets the key attribute of the same name. */
  readonly key?: PostgresKeyMap;
  /**
   * A list names the columns of the mapper's rows. An object gives each column's type and the attribute that fills the
   * column, so no mapper is needed. Default: the columns that the mapper's rows name. Without a list, the sink does not
   * write generated columns and columns with a default.
   */
  readonly columns?: readonly string[] | ColumnMap;
  /** Tables that have a row for each element of a list, a set or a map of the item. */
  readonly children?: readonly PostgresChild[];
  /** Where versions are stored. Default `version-table`: in a separate table, even for deleted rows. */
  readonly guard?: PostgresGuard;
  /**
   * Number of rows from which a batch is written as two halves at once, on two connections of the pool. Default 100.
   * `Number.POSITIVE_INFINITY` keeps batches whole.
   */
  readonly splitFrom?: number;
  /**
   * Milliseconds after which the sink stops waiting for a new connection, or for the answer to a statement of a write.
   * If the invocation has less time left, the timeout is that time. Default 10,000.
   */
  readonly timeoutMs?: number;
  /** Name of the sink in logs, metrics and dead letters. Default `postgres`. */
  readonly name?: string;
}

/** The user's own pool, or the settings of the pool that the sink creates. */
export type PoolSource = { readonly pool: PostgresPool } | SettingsSource;

/** The options after their checks, with defaults. */
export interface PostgresSettings {
  readonly name: string;
  readonly relations: Relations;
  readonly source: PoolSource;
  readonly timeoutMs: number;
  readonly splitFrom: number;
  readonly key: PostgresKeyMap | undefined;
  /** The names of the columns, if option `columns` is a list. */
  readonly listed: readonly string[] | undefined;
  /** The columns with their types and attribute paths, if option `columns` is an object. */
  readonly declared: readonly DeclaredColumn[] | undefined;
  /** The tables of nested lists. The children of a child are in the child. */
  readonly children: readonly ChildSettings[];
}

const optionNames: OptionNames<PostgresSinkOptions> = {
  pool: true,
  connection: true,
  table: true,
  schema: true,
  key: true,
  columns: true,
  children: true,
  guard: true,
  splitFrom: true,
  timeoutMs: true,
  name: true,
};

/** Longest delay of a Node timer. With a longer delay, the timer would fire immediately. */
const maxTimerMs = 2_147_483_647;

/** Checks that Postgres can store a name as it is. */
const checkIdentifier = (option: string, value: unknown): void => {
  checkText(option, value);
  const problem = nameProblem(String(value));
  if (problem !== undefined) throw invalidOption(option, `names ${JSON.stringify(value)}, which ${problem}`);
};

const checkColumn = (option: string, value: unknown): void => {
  checkIdentifier(option, value);
  if (reservedColumns.has(String(value))) {
    throw invalidOption(option, `names "${value}", which is a column of the sink's own; expected another name`);
  }
  if (!systemColumns.has(String(value))) return;
  throw invalidOption(option, `names "${value}", which is a column of every table; expected another name`);
};

const checkTable = (table: unknown, schema: unknown, guard: PostgresGuard): void => {
  checkIdentifier("table", table);
  if (schema === undefined && String(table).includes(".")) {
    const [before, ...rest] = String(table).split(".");
    const expected = `{ schema: ${JSON.stringify(before)}, table: ${JSON.stringify(rest.join("."))} }`;
    throw invalidOption("table", `is ${JSON.stringify(table)}; expected the schema in its own option: ${expected}`);
  }
  const bytes = Buffer.byteLength(String(table));
  const most = maxTableBytes(guard);
  if (bytes > most)
    throw invalidOption("table", `is ${bytes} bytes; the limit with guard "${guard}" is ${most}, of Postgres' 63`);
};

const sourceOf = ({ pool, connection }: PostgresSinkOptions, timeoutMs: number): PoolSource => {
  checkEither({ pool, connection });
  if (connection !== undefined) return settingsSource(connection, timeoutMs);
  checkClient(pool, "connect", "a pool of the package pg", "pool");
  return { pool: pool as PostgresPool };
};

const isList = (columns: readonly string[] | ColumnMap): columns is readonly string[] => Array.isArray(columns);

const columnsOf = (columns: PostgresSinkOptions["columns"]): Pick<PostgresSettings, "listed" | "declared"> => {
  if (columns === undefined) return { listed: undefined, declared: undefined };
  if (typeof columns !== "object") throw invalidOption("columns", "must be a list or an object");
  if (!isList(columns)) for (const column of Object.keys(columns)) if (column !== "") checkColumn("columns", column);
  if (!isList(columns)) return { listed: undefined, declared: Object.freeze(declareColumns(columns)) };
  for (const column of columns) checkColumn("columns", column);
  return { listed: Object.freeze([...columns]), declared: undefined };
};

const checkedKey = (key: PostgresKeyMap | undefined): PostgresKeyMap | undefined => {
  const checked = checkKeyMap(key, "must be a list of columns, an object of column to key attribute, or a function");
  for (const column of keySources(checked)?.keys() ?? []) checkColumn("key", column);
  return checked;
};

/** Names of the parts of a statement with children. Without its schema, a table of such a name would be taken for the part. */
const partNames = /^"(won|old|purged|(gone|put|diff|rest)\d*)"$/;

const childrenOf = (
  { table, schema, key, children = [], guard = "version-table" }: PostgresSinkOptions,
  { declared }: Pick<PostgresSettings, "declared">,
): readonly ChildSettings[] => {
  const checked = checkChildren(children, "children", {
    schema,
    isDeclared: declared !== undefined,
    checkTable: (child, childSchema) => checkTable(child, childSchema, "inline"),
    checkColumn,
  });
  if (checked.length > 0 && typeof key === "function") {
    throw invalidOption("key", "must not be a function with children: two items may have the same row");
  }
  const own = relationsOf(guard, table, schema);
  const relations = [
    ...new Set([own.table, own.rows, own.versions]),
    ...childrenInOrder(checked).map(({ child }) => child.relation),
  ];
  const twice = relations.find((relation, index) => relations.indexOf(relation) !== index);
  if (twice !== undefined) throw invalidOption("children", `names the table ${twice} twice`);
  const taken = checked.length === 0 ? undefined : relations.find((relation) => partNames.test(relation));
  if (taken === undefined) return checked;
  throw invalidOption("children", `needs the schema of ${taken}: a part of the sink's statements has the table's name`);
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID when an option is invalid. */
export const checkOptions = (options: PostgresSinkOptions): PostgresSettings => {
  checkOptionNames("postgresSink", options, optionNames);
  const { table, schema, key, columns, guard = "version-table", timeoutMs = 10_000, name = "postgres" } = options;
  const { splitFrom = 100 } = options;
  if (guard !== "version-table" && guard !== "inline") {
    throw invalidOption("guard", 'must be "version-table" or "inline"');
  }
  checkTable(table, schema, guard);
  if (guard === "inline" && typeof key === "function") {
    throw invalidOption("key", 'must not be a function with guard "inline": two items may have the same row');
  }
  if (schema !== undefined) checkIdentifier("schema", schema);
  checkText("name", name);
  checkWhole("timeoutMs", timeoutMs, [1, maxTimerMs]);
  if (splitFrom !== Number.POSITIVE_INFINITY) checkWhole("splitFrom", splitFrom, [2, Number.POSITIVE_INFINITY]);
  const columnSettings = columnsOf(columns);
  return Object.freeze({
    name,
    relations: relationsOf(guard, table, schema),
    source: sourceOf(options, timeoutMs),
    timeoutMs,
    splitFrom,
    key: checkedKey(key),
    ...columnSettings,
    children: childrenOf(options, columnSettings),
  });
};
