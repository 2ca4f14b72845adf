// Creates missing child tables and columns, and checks existing ones. Each table comes after the one to which it refers.
// An existing table gets no foreign key: its rows may violate it, and the lock would stop writes to both tables.

import { invalidOption } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { PostgresSettings } from "../options.ts";
import { childKeyProblem, childRelations } from "../write/child-plan.ts";
import { type Catalogue, type CatalogueColumn, readCatalogue } from "./catalogue.ts";
import {
  checkChildColumns,
  childKeyNames,
  childTableProblem,
  comparesAlike,
  describeType,
  type KeyType,
} from "./child-keys.ts";
import { type ChildSettings, childColumnNames, childrenInOrder } from "./children.ts";
import { checkDeclaredTypes } from "./declared-types.ts";
import { readKeyFacts } from "./key-columns.ts";
import { quoteAll, quoteName } from "./relations.ts";

/** A column of a key, with its type for DDL. */
export interface KeyDefinition {
  readonly name: string;
  /** The type with its length or precision, and with the collation. */
  readonly type: string;
}

/** A table to which a child refers. */
interface ParentTable {
  readonly relation: string;
  readonly keys: readonly KeyDefinition[];
}

/** Returns the definition of an existing column for DDL. */
export const typeDefinition = ({ fullType, collation }: CatalogueColumn): string =>
  fullType + (collation === null ? "" : ` COLLATE ${collation}`);

/** Returns the type of a column of the element's key. */
const elementType = ({ elementKey: { by }, declared = [] }: ChildSettings, column: string): string => {
  if (by === "position") return "integer";
  return declared.find(({ name }) => name === column)?.type ?? "text";
};

const keysOf = (child: ChildSettings, names: readonly string[], parent: ParentTable): readonly KeyDefinition[] =>
  names.map((name, index) => ({ name, type: parent.keys[index]?.type ?? elementType(child, name) }));

const definition = ({ name, type }: KeyDefinition): string => `${quoteName(name)} ${type}`;

const createChild = (child: ChildSettings, keys: readonly KeyDefinition[], parent: ParentTable): string => {
  const { relation, declared } = child;
  if (declared === undefined) {
    throw invalidOption(
      "children",
      `names ${relation}, which does not exist; create it, because the sink has a mapper`,
    );
  }
  const names = keys.map(({ name }) => name);
  const others = declared.filter(({ name }) => !names.includes(name));
  const refers = quoteAll(names.slice(0, parent.keys.length));
  const definitions = [
    ...[...keys, ...others].map(definition),
    `PRIMARY KEY (${quoteAll(names)})`,
    `FOREIGN KEY (${refers}) REFERENCES ${parent.relation} (${quoteAll(parent.keys.map(({ name }) => name))})`,
  ];
  return `CREATE TABLE IF NOT EXISTS ${relation} (\n  ${definitions.join(",\n  ")}\n)`;
};

const wholeNumbers: ReadonlySet<string> = new Set(["smallint", "integer", "bigint", "numeric"]);

/** Splits the type of a definition, without its length or precision. */
const keyTypeOf = (definition: string): KeyType => {
  const [type = "", collation] = definition.split(" COLLATE ");
  return { type: type.replace(/\(.*?\)/, ""), collation };
};

/** Checks the key columns of an existing table. Types of declared columns have been checked before. */
const checkKeyColumns = (
  { relation, elementKey }: ChildSettings,
  { columns }: Catalogue,
  keys: readonly KeyDefinition[],
  parent: ParentTable,
): void => {
  for (const [index, { name, type }] of keys.entries()) {
    const found = columns.find((column) => column.name === name);
    if (found === undefined) {
      const wayOut = `add it, and a unique index over (${quoteAll(keys.map((key) => key.name))})`;
      throw invalidOption(
        "children",
        `needs the key column "${name}" in ${relation}, which does not have it; ${wayOut}`,
      );
    }
    const refersTo = parent.keys[index];
    if (refersTo !== undefined && !comparesAlike(found, keyTypeOf(type))) {
      const expected = `expected ${describeType(keyTypeOf(type))}, as "${refersTo.name}" of ${parent.relation}`;
      throw invalidOption(
        "children",
        `fills column "${name}" of ${relation}, which is ${describeType(found)}; ${expected}`,
      );
    }
    if (refersTo === undefined && elementKey.by === "position" && !wholeNumbers.has(found.type)) {
      throw invalidOption(
        "children",
        `gives "${name}" of ${relation} positions; it is ${found.type}; expected integer`,
      );
    }
  }
};

/** Checks that the columns that are written exist or can be added, and that Postgres does not compute them. */
const checkWritten = (child: ChildSettings, { columns }: Catalogue): void => {
  const { relation, listed } = child;
  const absent = listed?.find((name) => !columns.some((column) => column.name === name));
  if (absent !== undefined) {
    throw invalidOption("children", `names column "${absent}", which ${relation} does not have; add the column`);
  }
  const names = new Set(childColumnNames(child));
  const generated = columns.find(({ name, isGenerated }) => names.has(name) && isGenerated);
  if (generated === undefined) return;
  throw invalidOption(
    "children",
    `names column "${generated.name}" of ${relation}, which Postgres generates; leave it out`,
  );
};

const additions = ({ relation, declared = [] }: ChildSettings, { columns }: Catalogue): string[] =>
  declared
    .filter(({ name }) => !columns.some((column) => column.name === name))
    .map((column) => `ALTER TABLE ${relation} ADD COLUMN IF NOT EXISTS ${definition(column)}`);

/** The existing table's own types are those to which its children refer. */
const existingKeys = ({ columns }: Catalogue, keys: readonly KeyDefinition[]): readonly KeyDefinition[] =>
  keys.map((key) => {
    const found = columns.find(({ name }) => name === key.name);
    return found === undefined ? key : { name: key.name, type: typeDefinition(found) };
  });

/** What the DDL of one child needs. */
interface ChildCall {
  readonly session: Session;
  readonly settings: PostgresSettings;
  /** Number of columns of the item's key. */
  readonly itemKeys: number;
  /** The object identifiers of the tables that have been checked before. */
  readonly oids: string[];
}

const statementsOf = async (
  { session, settings, itemKeys, oids }: ChildCall,
  child: ChildSettings,
  keys: readonly KeyDefinition[],
  parent: ParentTable,
): Promise<{ readonly statements: readonly string[]; readonly table: ParentTable }> => {
  const { relation, declared = [] } = child;
  const names = keys.map(({ name }) => name);
  checkChildColumns(child, names.slice(0, parent.keys.length));
  const table = await readCatalogue(session, relation, child.versions);
  const relations = childRelations(child, settings);
  const facts = await readKeyFacts(session, relations);
  await checkDeclaredTypes(session, { option: "children", declared, relation, table });
  if (table === undefined) {
    if (facts.relationProblem !== undefined)
      throw invalidOption("children", `cannot be used: ${facts.relationProblem}`);
    return { statements: [createChild(child, keys, parent)], table: { relation, keys } };
  }
  if (table.kind !== "table") throw invalidOption("children", `names ${relation}, which is not a table`);
  checkKeyColumns(child, table, keys, parent);
  checkWritten(child, table);
  const problem = childTableProblem(child, table, oids) ?? childKeyProblem(relations, names, { facts, itemKeys });
  if (problem !== undefined) throw invalidOption("children", `cannot be used: ${problem}`);
  oids.push(table.oid);
  return { statements: additions(child, table), table: { relation, keys: existingKeys(table, keys) } };
};

/**
 * Returns the DDL statements for what the child tables lack. The last parameter is the table of the sink, with its key columns.
 * @throws {ConfigError} CONFIG_INVALID when an existing table does not fit the options.
 */
export const childTableStatements = async (
  session: Session,
  settings: PostgresSettings,
  { oid, keys: itemKeys }: { readonly oid: string | undefined; readonly keys: readonly KeyDefinition[] },
): Promise<readonly string[]> => {
  const { children, key, relations } = settings;
  const itemNames = itemKeys.map(({ name }) => name);
  const tables: ParentTable[] = [];
  const statements: string[] = [];
  const call = { session, settings, itemKeys: itemKeys.length, oids: oid === undefined ? [] : [oid] };
  for (const [index, { child, parent }] of childrenInOrder(children).entries()) {
    const refersTo =
      parent === undefined ? { relation: relations.rows, keys: itemKeys } : (tables[parent] as ParentTable);
    const keys = keysOf(child, childKeyNames(key, itemNames, children, index), refersTo);
    const own = await statementsOf(call, child, keys, refersTo);
    statements.push(...own.statements);
    tables.push(own.table);
  }
  return statements;
};
