// Names in SQL: quoting, and which relations a guard uses. Nothing here talks to the server.

/** How a sink keeps the version of each item: in a side table, or in the row. */
export type Guard = "ledger" | "inline";

/** Name of the column that holds the version, in the ledger or in the row. */
export const versionColumn = '"sluice_version"';
/** Name of the column that says when the item was removed; NULL while it lives. */
export const removedColumn = '"sluice_removed_at"';
/** The guard's columns as the catalogue names them. */
export const guardColumns: ReadonlySet<string> = new Set(["sluice_version", "sluice_removed_at"]);

const suffixes: Record<Guard, string> = { ledger: "_sluice", inline: "_with_tombstones" };

/** Postgres cuts longer names off without a word, and two cut names can meet: NAMEDATALEN - 1. */
const maxNameBytes = 63;
const indexSuffix = "_removed_at";

/** Most bytes that a table's name may take, so that the names made from it stay whole. */
export const maxTableBytes = (guard: Guard): number => maxNameBytes - suffixes[guard].length - indexSuffix.length;

/** The name as an identifier, quoted. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const qualified = (schema: string | undefined, name: string): string =>
  schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;

/** The relations of one sink, quoted and qualified. */
export interface Relations {
  readonly guard: Guard;
  /** The name that users select from. */
  readonly table: string;
  /** Where rows are written: the table itself, or under the inline guard the table behind the view. */
  readonly rows: string;
  /** Where versions are kept: the ledger, or the same as `rows`. */
  readonly versions: string;
  /** Name of the index over removals, unqualified. */
  readonly removedIndex: string;
}

/** The relations that a guard uses for a table. */
export const relationsOf = (guard: Guard, table: string, schema?: string): Relations => {
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
