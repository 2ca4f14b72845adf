// Creates missing tables, views and columns in one transaction. Never drops anything, and never changes a type.

import { type EnsureOptions, invalidOption, keySources, SinkError } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { PostgresSettings } from "../options.ts";
import { type Catalogue, type CatalogueColumn, primaryKey, readCatalogue } from "./catalogue.ts";
import { checkDeclaredTypes } from "./declared-types.ts";
import { childTableStatements, type KeyDefinition, typeDefinition } from "./ensure-children.ts";
import { type KeyFacts, keyProblem, mappingText, readKeyFacts, storeMapping } from "./key-columns.ts";
import {
  claimsColumn,
  guardColumns,
  ownerColumn,
  quoteAll,
  quoteName,
  removedColumn,
  versionColumn,
} from "./relations.ts";

/** Those relations of the sink that already exist. */
interface Existing {
  readonly rows: Catalogue | undefined;
  readonly versions: Catalogue | undefined;
  readonly table: Catalogue | undefined;
  readonly facts: KeyFacts;
}

/** COLLATE "C" compares versions byte by byte. DEFAULT '' gives existing rows the lowest version. */
const versionDefinition = `${versionColumn} text COLLATE "C" NOT NULL DEFAULT ''`;
const removedDefinition = `${removedColumn} timestamptz`;
/** Both stay NULL if two items never have the same row. A NULL takes one bit. */
const ownerDefinitions = [`${ownerColumn} text COLLATE "C"`, `${claimsColumn} jsonb`];
/**
 * Leaves space in each page, so that updates need not change the indexes (HOT updates). In a test of 120,000 updates
 * with a vacuum every 40,000, all updates were HOT. With the default of 100, only 41 % were HOT (PostgreSQL 18.4).
 */
const versionTableStorage = "WITH (fillfactor = 90)";

const readExisting = async (session: Session, { relations }: PostgresSettings): Promise<Existing> => {
  const rows = await readCatalogue(session, relations.rows);
  const facts = await readKeyFacts(session, relations);
  if (relations.guard === "version-table") {
    return { rows, versions: await readCatalogue(session, relations.versions), table: rows, facts };
  }
  return { rows, versions: rows, table: await readCatalogue(session, relations.table), facts };
};

const list = (definitions: readonly string[]): string => `(\n  ${definitions.join(",\n  ")}\n)`;

const declaredKeys = ({ key, relations }: PostgresSettings): readonly string[] => {
  const sources = keySources(key);
  if (sources !== undefined) return [...sources.keys()];
  throw invalidOption("key", `must be a list or an object, to create ${relations.rows}`);
};

const definition = ({ name, type }: { readonly name: string; readonly type: string }): string =>
  `${quoteName(name)} ${type}`;

const createRows = (settings: PostgresSettings): string[] => {
  const { declared, relations } = settings;
  if (declared === undefined) {
    throw invalidOption("columns", `must declare types, to create ${relations.rows}; or create the table yourself`);
  }
  const keys = declaredKeys(settings);
  const untyped = keys.find((key) => !declared.some(({ name }) => name === key));
  if (untyped !== undefined) {
    throw invalidOption("columns", `must declare the type of key column "${untyped}", to create ${relations.rows}`);
  }
  const guard = relations.guard === "inline" ? [versionDefinition, removedDefinition] : [];
  const definitions = [...declared.map(definition), ...guard, `PRIMARY KEY (${quoteAll(keys)})`];
  return [`CREATE TABLE IF NOT EXISTS ${relations.rows} ${list(definitions)}`];
};

const has = (catalogue: Catalogue, quoted: string): boolean =>
  catalogue.columns.some(({ name }) => quoteName(name) === quoted);

const extendRows = ({ declared = [], relations }: PostgresSettings, rows: Catalogue): string[] => {
  const additions = declared.filter(({ name }) => !has(rows, quoteName(name))).map(definition);
  if (relations.guard === "inline") {
    if (!has(rows, versionColumn)) additions.push(versionDefinition);
    if (!has(rows, removedColumn)) additions.push(removedDefinition);
  }
  return additions.map((column) => `ALTER TABLE ${relations.rows} ADD COLUMN IF NOT EXISTS ${column}`);
};

const removedIndex = ({ relations }: PostgresSettings): string =>
  `CREATE INDEX IF NOT EXISTS ${relations.removedIndex} ON ${relations.versions} (${removedColumn}) WHERE ${removedColumn} IS NOT NULL`;

/** Returns the key columns of the existing table, or of the table to create. */
const keyDefinitions = (settings: PostgresSettings, rows: Catalogue | undefined): KeyDefinition[] => {
  const { key, declared = [], relations } = settings;
  if (rows === undefined) {
    const typeOf = (name: string): string => declared.find((column) => column.name === name)?.type ?? "text";
    return declaredKeys(settings).map((name) => ({ name, type: typeOf(name) }));
  }
  const names = typeof key === "object" ? declaredKeys(settings) : primaryKey(rows).map(({ name }) => name);
  if (names.length === 0) throw invalidOption("key", `must be given: ${relations.rows} has no primary key`);
  return names.map((name) => {
    const column = rows.columns.find((candidate) => candidate.name === name);
    if (column === undefined)
      throw invalidOption("key", `names column "${name}", which ${relations.rows} does not have`);
    return { name, type: typeDefinition(column) };
  });
};

/** Without such rows, the indexes have no entries. They name only columns that a write to a row with one item keeps. */
const ownerIndexes = (settings: PostgresSettings, keys: readonly string[]): string[] => {
  const { key, relations } = settings;
  const create = (name: string, columns: string): string =>
    `CREATE INDEX IF NOT EXISTS ${name} ON ${relations.versions} ${columns}`;
  const claimed = `WHERE ${claimsColumn} IS NOT NULL`;
  const claims = create(relations.claimsIndex, `(${quoteAll(keys)}) ${claimed}`);
  if (typeof key !== "function") return [claims];
  return [
    claims,
    create(relations.ownerIndex, `(${ownerColumn})`),
    create(relations.claimantsIndex, `USING gin (${claimsColumn}) ${claimed}`),
  ];
};

const createVersionTable = (settings: PostgresSettings, rows: Catalogue | undefined): string[] => {
  const keys = keyDefinitions(settings, rows);
  const primaryKeyDefinition = `PRIMARY KEY (${quoteAll(keys.map(({ name }) => name))})`;
  const guard = [versionDefinition, removedDefinition, ...ownerDefinitions];
  const definitions = [...keys.map(definition), ...guard, primaryKeyDefinition];
  return [
    `CREATE TABLE IF NOT EXISTS ${settings.relations.versions} ${list(definitions)} ${versionTableStorage}`,
    removedIndex(settings),
    ...ownerIndexes(
      settings,
      keys.map(({ name }) => name),
    ),
  ];
};

/** Adds the columns for owners to a version table that was created without them, or the indexes of a new key mapping. */
const extendVersionTable = (
  settings: PostgresSettings,
  { rows, facts }: Existing,
  hasNewMapping: boolean,
): string[] => {
  if (facts.hasOwners && !hasNewMapping) return [];
  const { versions } = settings.relations;
  const additions = ownerDefinitions.map((column) => `ALTER TABLE ${versions} ADD COLUMN IF NOT EXISTS ${column}`);
  const keys = keyDefinitions(settings, rows).map(({ name }) => name);
  return [...(facts.hasOwners ? [] : additions), ...ownerIndexes(settings, keys)];
};

/** Stores the key mapping. A changed mapping is stored only if `isEmpty`: rows at keys of the old one would stay. */
const mappingStatements = (settings: PostgresSettings, { rows, facts }: Existing, isEmpty: boolean): string[] => {
  const { key, relations } = settings;
  const defaults = (): ReadonlyMap<string, string> =>
    new Map(keyDefinitions(settings, rows).map(({ name }) => [name, name]));
  const mapping = mappingText(typeof key === "function" ? undefined : (keySources(key) ?? defaults()));
  if (facts.mapping === mapping) return [];
  if (facts.mapping === undefined || isEmpty) return [storeMapping(relations, mapping)];
  const found = `${relations.versions} has versions that were written with ${facts.mapping}`;
  throw invalidOption("key", `is now ${mapping}; ${found}; empty it and ${relations.rows}, or name another table`);
};

const isTombstoneBlocked = ({ isNotNull, keyPosition, name }: CatalogueColumn): boolean =>
  isNotNull && keyPosition === 0 && !guardColumns.has(name);

const createView = ({ relations }: PostgresSettings, names: readonly string[]): string =>
  `CREATE OR REPLACE VIEW ${relations.table} AS SELECT ${quoteAll(names)} FROM ${relations.rows} WHERE ${removedColumn} IS NULL`;

/** Adds columns to the view. Postgres allows new columns only at the end, so the view's existing columns come first. */
const extendView = (settings: PostgresSettings, { rows, table }: Existing): string[] => {
  const { declared = [], relations } = settings;
  if (table !== undefined && table.kind !== "view") {
    throw invalidOption("guard", `"inline" needs the name ${relations.table} for a view; a table has that name`);
  }
  const blocked = rows?.columns.find(isTombstoneBlocked)?.name;
  if (blocked !== undefined) {
    const found = `column "${blocked}" of ${relations.rows} is NOT NULL`;
    throw invalidOption("guard", `"inline" needs columns that a tombstone can leave empty; ${found}`);
  }
  const shown = table?.columns.map(({ name }) => name) ?? [];
  const wanted = [...(rows?.columns ?? []), ...declared]
    .map(({ name }) => name)
    .filter((name) => !guardColumns.has(name));
  const names = [...new Set([...shown, ...wanted])];
  return names.length === shown.length ? [] : [createView(settings, names)];
};

/** Checks what a write needs of relations that exist. */
const checkKey = (settings: PostgresSettings, { rows, facts }: Existing): void => {
  if (rows === undefined) {
    if (facts.relationProblem !== undefined) throw invalidOption("table", `cannot be used: ${facts.relationProblem}`);
    return;
  }
  if (rows.kind !== "table") throw invalidOption("table", `is ${settings.relations.rows}, which is not a table`);
  const reserved = rows.columns.find(({ name }) => guardColumns.has(name))?.name;
  if (reserved !== undefined && settings.relations.guard === "version-table") {
    const found = `${settings.relations.rows} has the column "${reserved}", a name that the sink keeps for its own columns`;
    throw invalidOption("table", `cannot be used: ${found}; rename the column`);
  }
  const keys = keyDefinitions(settings, rows).map(({ name }) => name);
  const computed = rows.columns.find(
    ({ name, isGenerated, isIdentity }) => keys.includes(name) && isGenerated && !isIdentity,
  );
  const problem =
    computed === undefined
      ? keyProblem(settings.relations, keys, facts)
      : `Postgres computes column "${computed.name}"; name the column from which it is computed`;
  if (problem !== undefined) throw invalidOption("key", `cannot be used: ${problem}`);
};

/** Checks that the listed and declared columns can be written. */
const checkWritable = ({ listed, declared }: PostgresSettings, rows: Catalogue | undefined): void => {
  const names = new Set(listed ?? declared?.map(({ name }) => name) ?? []);
  const generated = rows?.columns.find(
    ({ name, isGenerated, keyPosition }) => names.has(name) && isGenerated && keyPosition === 0,
  );
  if (generated === undefined) return;
  throw invalidOption("columns", `names column "${generated.name}", which Postgres generates; leave it out`);
};

const statementsFor = (settings: PostgresSettings, existing: Existing, isEmpty: boolean): string[] => {
  const { rows, versions } = existing;
  checkKey(settings, existing);
  checkWritable(settings, rows);
  const table = rows === undefined ? createRows(settings) : extendRows(settings, rows);
  const mapping = mappingStatements(settings, existing, isEmpty);
  if (settings.relations.guard === "version-table") {
    const guard =
      versions === undefined
        ? createVersionTable(settings, rows)
        : extendVersionTable(settings, existing, mapping.length > 0);
    return [...table, ...guard, ...mapping];
  }
  const index = versions !== undefined && has(versions, removedColumn) ? [] : [removedIndex(settings)];
  return [...table, ...index, ...extendView(settings, existing), ...mapping];
};

/** Whether no version is stored. */
const hasNoVersions = async (
  session: Session,
  { relations }: PostgresSettings,
  existing: Existing,
): Promise<boolean> => {
  if (existing.facts.mapping === undefined) return true;
  const { rows } = await session.query(`SELECT FROM ${relations.versions} LIMIT 1`, []);
  return rows.length === 0;
};

const childrenFor = async (
  session: Session,
  settings: PostgresSettings,
  { rows }: Existing,
): Promise<readonly string[]> =>
  settings.children.length === 0
    ? []
    : childTableStatements(session, settings, { oid: rows?.oid, keys: keyDefinitions(settings, rows) });

/** SQLSTATEs of errors that occur if another session creates the same relation at the same time. */
const raceStates: ReadonlySet<unknown> = new Set(["23505", "40P01", "42701", "42710", "42P07", "XX000"]);
const maxAttempts = 5;

const lostRace = (error: unknown): boolean => {
  const cause = error instanceof SinkError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && raceStates.has(cause.code);
};

/** Returns the DDL statements for what is missing; empty if nothing is. Runs the statements unless `apply` is false. */
export const ensureTables = async (
  session: Session,
  settings: PostgresSettings,
  { apply = true }: EnsureOptions = {},
): Promise<readonly string[]> => {
  for (let attempt = 1; ; attempt++) {
    const existing = await readExisting(session, settings);
    const { declared = [], relations } = settings;
    await checkDeclaredTypes(session, { option: "columns", declared, relation: relations.rows, table: existing.rows });
    const own = statementsFor(settings, existing, await hasNoVersions(session, settings, existing));
    const statements = [...own, ...(await childrenFor(session, settings, existing))];
    if (!apply || statements.length === 0) return statements;
    try {
      // Without parameters, pg sends all statements as one simple query. Postgres runs it as one transaction.
      await session.query(statements.join(";\n"), []);
      return statements;
    } catch (error) {
      if (attempt === maxAttempts || !lostRace(error)) throw error;
    }
  }
};
