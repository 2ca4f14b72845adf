// Names in SQL: how they are quoted, and which relations each guard uses. No code here connects to the server.

/** Where the sink stores the version of each item: in a separate table, or in the item's row. */
export type PostgresGuard = "version-table" | "inline";

/** Name of the column that holds the version, in the version table or in the row. */
export const versionColumn = '"sluice_version"';
/** Name of the column that holds the time of the removal; NULL while the item exists. */
export const removedColumn = '"sluice_removed_at"';
/** Names of the guard's columns, without quotes, as in the catalogue. */
export const guardColumns: ReadonlySet<string> = new Set(["sluice_version", "sluice_removed_at"]);

const suffixes: Record<PostgresGuard, string> = { "version-table": "_sluice", inline: "_with_tombstones" };

/** Postgres' limit (NAMEDATALEN - 1). It shortens longer names without an error, so two names can become equal. */
const maxNameBytes = 63;
const indexSuffix = "_removed_at";

/** Maximum bytes of a table's name, so that Postgres shortens none of the names that are derived from it. */
export const maxTableBytes = (guard: PostgresGuard): number =>
  maxNameBytes - suffixes[guard].length - indexSuffix.length;

/** Quotes a name as an identifier. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Quotes names, and joins them with commas. */
export const quoteAll = (names: readonly string[]): string => names.map(quoteName).join(", ");

const qualified = (schema: string | undefined, name: string): string =>
  schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;

/** The relations of one sink, quoted and qualified. */
export interface Relations {
  readonly guard: PostgresGuard;
  /** The name that users select from. */
  readonly table: string;
  /** Where rows are written: the table itself or, under the inline guard, the table behind the view. */
  readonly rows: string;
  /** Where versions are stored: the version table, or the same relation as `rows`. */
  readonly versions: string;
  /** Unqualified name of the index of removal times. */
  readonly removedIndex: string;
}

/** Returns the relations that a guard uses for a table. */
export const relationsOf = (guard: PostgresGuard, table: string, schema?: string): Relations => {
  const versions = qualified(schema, table + suffixes[guard]);
  const user = qualified(schema, table);
  return {
    guard,
    table: user,
    rows: guard === "inline" ? versions : user,
    versions,
    removedIndex: quoteName(table + suffixes[guard] + indexSuffix),
  };
};
