// DDL: what is missing is created or added, in one transaction. Nothing is ever dropped, and no type is changed.

import { ConfigError, SinkError } from "@sluice/core/sink-kit";
import type { Session } from "../client/pool.ts";
import type { Settings } from "../options.ts";
import { type Catalogue, type CatalogueColumn, primaryKey, readCatalogue } from "./catalogue.ts";
import type { DeclaredColumn } from "./columns.ts";
import { guardColumns, quoteName, removedColumn, versionColumn } from "./relations.ts";

/** Options of `ensure`. */
export interface EnsureOptions {
  /** False: only tell what would be done. Default true. */
  readonly apply?: boolean;
}

/** What exists of the sink's relations. */
interface Existing {
  readonly rows: Catalogue | undefined;
  readonly versions: Catalogue | undefined;
  readonly table: Catalogue | undefined;
}

/** Versions are compared as text, so they need the order of bytes; rows from before the sink rank lowest. */
const versionDefinition = `${versionColumn} text COLLATE "C" NOT NULL DEFAULT ''`;
const removedDefinition = `${removedColumn} timestamptz`;
/**
 * Room for the next version of a row beside it: updates then leave the indexes alone (HOT). Of 120,000 updates, vacuumed
 * every 40,000, 41 % were HOT at the default of 100, all of them at 90 (PostgreSQL 18.4).
 */
const ledgerStorage = "WITH (fillfactor = 90)";

const invalid = (option: string, problem: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}": ${problem}`);

const readExisting = async (session: Session, { relations }: Settings): Promise<Existing> => {
  const rows = await readCatalogue(session, relations.rows);
  if (relations.guard === "ledger") {
    return { rows, versions: await readCatalogue(session, relations.versions), table: rows };
  }
  return { rows, versions: rows, table: await readCatalogue(session, relations.table) };
};

const typesQuery = `SELECT format_type(to_regtype(u.type), -1) AS type
FROM unnest($1::text[]) WITH ORDINALITY AS u(type, position) ORDER BY u.position`;

/** A column that exists keeps its length, precision and constraints: only its type must be the declared one. */
const checkTypes = async (session: Session, settings: Settings, rows: Catalogue | undefined): Promise<void> => {
  const { declared = [], relations } = settings;
  if (declared.length === 0) return;
  const { rows: types } = await session.query(typesQuery, [declared.map(({ type }) => type)]);
  for (const [index, { name, type }] of declared.entries()) {
    const known = (types[index] as { readonly type: string | null } | undefined)?.type ?? null;
    if (known === null) throw invalid("columns", `column "${name}": this server has no type ${type}`);
    const found = rows?.columns.find((column) => column.name === name)?.type ?? known;
    if (found !== known)
      throw invalid("columns", `column "${name}" of ${relations.rows} is ${found}; declared is ${type}`);
  }
};

const list = (definitions: readonly string[]): string => `(\n  ${definitions.join(",\n  ")}\n)`;
const quoteAll = (names: readonly string[]): string => names.map(quoteName).join(", ");

const declaredKeys = ({ key, relations }: Settings): readonly string[] => {
  if (Array.isArray(key)) return key;
  if (typeof key === "object") return Object.keys(key);
  throw invalid("key", `is needed, as a list or an object, to create ${relations.rows}`);
};

const definition = ({ name, type }: DeclaredColumn): string => `${quoteName(name)} ${type}`;

const createRows = (settings: Settings): string[] => {
  const { declared, relations } = settings;
  if (declared === undefined)
    throw invalid("columns", `must declare types to create ${relations.rows}; or create it yourself`);
  const keys = declaredKeys(settings);
  const untyped = keys.find((key) => !declared.some(({ name }) => name === key));
  if (untyped !== undefined)
    throw invalid("columns", `must declare the type of key column "${untyped}" to create ${relations.rows}`);
  const guard = relations.guard === "inline" ? [versionDefinition, removedDefinition] : [];
  const definitions = [...declared.map(definition), ...guard, `PRIMARY KEY (${quoteAll(keys)})`];
  return [`CREATE TABLE IF NOT EXISTS ${relations.rows} ${list(definitions)}`];
};

const addColumn = (relation: string, column: string): string =>
  `ALTER TABLE ${relation} ADD COLUMN IF NOT EXISTS ${column}`;

const has = (catalogue: Catalogue, quoted: string): boolean =>
  catalogue.columns.some(({ name }) => quoteName(name) === quoted);

const extendRows = ({ declared = [], relations }: Settings, rows: Catalogue): string[] => {
  const additions = declared.filter(({ name }) => !has(rows, quoteName(name))).map(definition);
  if (relations.guard === "inline") {
    if (!has(rows, versionColumn)) additions.push(versionDefinition);
    if (!has(rows, removedColumn)) additions.push(removedDefinition);
  }
  return additions.map((column) => addColumn(relations.rows, column));
};

const removedIndex = ({ relations }: Settings): string =>
  `CREATE INDEX IF NOT EXISTS ${relations.removedIndex} ON ${relations.versions} (${removedColumn}) WHERE ${removedColumn} IS NOT NULL`;

/** The key columns as they stand in the table, or as they will once it is created. */
const keyDefinitions = (settings: Settings, rows: Catalogue | undefined): { name: string; type: string }[] => {
  const { key, declared = [], relations } = settings;
  if (rows === undefined)
    return declaredKeys(settings).map((name) => ({
      name,
      type: declared.find((column) => column.name === name)?.type ?? "text",
    }));
  const names = typeof key === "object" ? declaredKeys(settings) : primaryKey(rows).map(({ name }) => name);
  if (names.length === 0) throw invalid("key", `is needed: ${relations.rows} has no primary key`);
  return names.map((name) => {
    const column = rows.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw invalid("key", `${relations.rows} has no column "${name}"`);
    return { name, type: column.fullType + (column.collation === null ? "" : ` COLLATE ${column.collation}`) };
  });
};

const createLedger = (settings: Settings, rows: Catalogue | undefined): string[] => {
  const keys = keyDefinitions(settings, rows);
  const definitions = [
    ...keys.map(({ name, type }) => `${quoteName(name)} ${type}`),
    versionDefinition,
    removedDefinition,
    `PRIMARY KEY (${quoteAll(keys.map(({ name }) => name))})`,
  ];
  return [
    `CREATE TABLE IF NOT EXISTS ${settings.relations.versions} ${list(definitions)} ${ledgerStorage}`,
    removedIndex(settings),
  ];
};

const isTombstoneBlocked = ({ isNotNull, keyPosition, name }: CatalogueColumn): boolean =>
  isNotNull && keyPosition === 0 && !guardColumns.has(name);

const createView = ({ relations }: Settings, names: readonly string[]): string =>
  `CREATE OR REPLACE VIEW ${relations.table} AS SELECT ${quoteAll(names)} FROM ${relations.rows} WHERE ${removedColumn} IS NULL`;

/** A view can only grow at its end, so what it shows already comes first. */
const extendView = (settings: Settings, { rows, table }: Existing): string[] => {
  const { declared = [], relations } = settings;
  if (table !== undefined && table.kind !== "view") {
    throw invalid("guard", `"inline" needs the name ${relations.table} for a view, and there is a table of that name`);
  }
  const blocked = rows?.columns.find(isTombstoneBlocked)?.name;
  if (blocked !== undefined)
    throw invalid("guard", `"inline" needs column "${blocked}" of ${relations.rows} without NOT NULL, for tombstones`);
  const shown = table?.columns.map(({ name }) => name) ?? [];
  const wanted = [...(rows?.columns ?? []), ...declared]
    .map(({ name }) => name)
    .filter((name) => !guardColumns.has(name));
  const names = [...new Set([...shown, ...wanted])];
  return names.length === shown.length ? [] : [createView(settings, names)];
};

const statementsFor = (settings: Settings, existing: Existing): string[] => {
  const { rows, versions } = existing;
  const table = rows === undefined ? createRows(settings) : extendRows(settings, rows);
  if (settings.relations.guard === "ledger") {
    return versions === undefined ? [...table, ...createLedger(settings, rows)] : table;
  }
  const index = versions !== undefined && has(versions, removedColumn) ? [] : [removedIndex(settings)];
  return [...table, ...index, ...extendView(settings, existing)];
};

/** What a server answers when another session creates the same thing at the same time. */
const raceStates: ReadonlySet<unknown> = new Set(["23505", "40P01", "42701", "42710", "42P07", "XX000"]);
const maxAttempts = 5;

const lostRace = (error: unknown): boolean => {
  const cause = error instanceof SinkError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && raceStates.has(cause.code);
};

/** The DDL that is missing, applied unless `apply` is false. Empty: all is there. */
export const ensureTables = async (
  session: Session,
  settings: Settings,
  { apply = true }: EnsureOptions = {},
): Promise<readonly string[]> => {
  for (let attempt = 1; ; attempt++) {
    const existing = await readExisting(session, settings);
    await checkTypes(session, settings, existing.rows);
    const statements = statementsFor(settings, existing);
    if (!apply || statements.length === 0) return statements;
    try {
      // Without parameters pg sends one simple query: its statements are one transaction.
      await session.query(statements.join(";\n"), []);
      return statements;
    } catch (error) {
      if (attempt === maxAttempts || !lostRace(error)) throw error;
    }
  }
};
