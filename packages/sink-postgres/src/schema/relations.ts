// Quotes names for SQL, and names the relations that each guard uses. No code here connects to Postgres.

/** Where the sink stores an item's version: `version-table` in a separate table, `inline` in the item's row. */
export type PostgresGuard = "version-table" | "inline";

/** Name of the column that holds the version, in the version table or in the row. */
export const versionColumn = '"sluice_version"';
/** Name of the column with the time at which the item was removed. The column is NULL while the item exists. */
export const removedColumn = '"sluice_removed_at"';
/**
 * Name of the version table's column with the owner: a hash of the key of the item whose version is stored. NULL if the
 * key mapping is proved injective, because two items can then never have the same row.
 */
export const ownerColumn = '"sluice_owner"';
/** Name of the version table's column with the entries of other owners, as JSON. NULL if two items never met. */
export const claimsColumn = '"sluice_claims"';
/** Names of the guard's columns, without quotes, as in the catalogue. */
export const guardColumns: ReadonlySet<string> = new Set(["sluice_version", "sluice_removed_at"]);

/** Names that no column of the user's may have, without quotes. */
export const reservedColumns: ReadonlySet<string> = new Set([...guardColumns, "sluice_owner", "sluice_claims"]);

const suffixes: Record<PostgresGuard, string> = { "version-table": "_sluice", inline: "_with_tombstones" };

/** Postgres' limit, NAMEDATALEN - 1. Postgres shortens longer names without an error, so two names may become equal. */
const maxNameBytes = 63;

/** Returns why Postgres cannot store a name as it is. Undefined for a good name. */
export const nameProblem = (name: string): string | undefined => {
  const bytes = Buffer.byteLength(name);
  if (bytes > maxNameBytes)
    return `has ${bytes} bytes; expected at most ${maxNameBytes}, because Postgres cuts the rest`;
  if (name.includes("\0")) return "holds NUL (U+0000); expected a name without it";
  return /\p{Surrogate}/u.test(name) ? "holds half a surrogate pair; expected a name in UTF-8" : undefined;
};

/** Columns that every table has. @see https://www.postgresql.org/docs/18/ddl-system-columns.html (read 2026-11-28) */
export const systemColumns: ReadonlySet<string> = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

const indexSuffix = "_removed_at";
const claimsSuffix = "_claims";
const ownerSuffix = "_owner";
const claimantsSuffix = "_claimants";

/** Maximum bytes of a table's name. Names that are made from it by a suffix are then short enough for Postgres. */
export const maxTableBytes = (guard: PostgresGuard): number =>
  maxNameBytes - suffixes[guard].length - indexSuffix.length;

/** Quotes a name as an identifier. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Quotes a text as an SQL literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Quotes names, and joins them with commas. */
export const quoteAll = (names: readonly string[]): string => names.map(quoteName).join(", ");

/** Quotes the name of a relation, with its schema if it has one. */
export const quoteRelation = (schema: string | undefined, name: string): string =>
  schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;

/** The names of a sink's relations, quoted and with their schema. */
export interface Relations {
  readonly guard: PostgresGuard;
  /** The name that users select from. */
  readonly table: string;
  /** The relation to which rows are written: the table itself. With guard `inline`, the table behind the view. */
  readonly rows: string;
  /** The relation that stores versions: the version table. With guard `inline`, the same relation as `rows`. */
  readonly versions: string;
  /** Name of the index on the column of removal times, quoted but without a schema. */
  readonly removedIndex: string;
  /** Name of the index on the rows with entries of several owners. */
  readonly claimsIndex: string;
  /** Names of the indexes on the owner and on the other owners. They exist only if option `key` is a function. */
  readonly ownerIndex: string;
  readonly claimantsIndex: string;
}

/** Returns the names of the relations that a guard uses for a table. */
export const relationsOf = (guard: PostgresGuard, table: string, schema?: string): Relations => {
  const versions = quoteRelation(schema, table + suffixes[guard]);
  const user = quoteRelation(schema, table);
  return {
    guard,
    table: user,
    rows: guard === "inline" ? versions : user,
    versions,
    removedIndex: quoteName(table + suffixes[guard] + indexSuffix),
    claimsIndex: quoteName(table + suffixes[guard] + claimsSuffix),
    ownerIndex: quoteName(table + suffixes[guard] + ownerSuffix),
    claimantsIndex: quoteName(table + suffixes[guard] + claimantsSuffix),
  };
};
