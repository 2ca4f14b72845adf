// What a write and a read need to know about a child table. Made from the options and the catalogues of the child tables.

import { SinkError } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { PostgresSettings } from "../options.ts";
import { type Catalogue, readCatalogue } from "../schema/catalogue.ts";
import {
  checkChildColumns,
  childKeyNames,
  childTableProblem,
  comparesAlike,
  describeType,
  type KeyType,
} from "../schema/child-keys.ts";
import { type ChildSettings, childColumnNames, childrenInOrder, type OrderedChild } from "../schema/children.ts";
import { type KeyFacts, keyProblem, readKeyFacts } from "../schema/key-columns.ts";
import { quoteAll, type Relations } from "../schema/relations.ts";
import type { Cell } from "./codec.ts";
import { withComparison } from "./compared-column.ts";
import { isExactText } from "./key-proof.ts";
import { type WrittenColumn, written } from "./written-columns.ts";

/** A child table with its columns, as the catalogue describes them. */
export interface ChildPlan {
  readonly settings: ChildSettings;
  /**
   * The key columns: those with the key of the sink's row, in the order of the plan's keys, then those of the parents'
   * elements, then those of the element.
   */
  readonly keys: readonly WrittenColumn[];
  /** The columns that are not part of the key. */
  readonly columns: readonly WrittenColumn[];
  /**
   * The positions of those key columns, after the item's key, in which two texts may be one value: `1` and `1.0`, or `A` and
   * `a`. So a change of the spelling changes the row, and only Postgres finds two elements with one key.
   */
  readonly inexact: readonly number[];
  /** Number of the first key columns that refer to the parent table's key. */
  readonly parentKeys: number;
  /** The parent's index among the plan's children. Undefined if the parent is the table of the sink. */
  readonly parent: number | undefined;
}

/** The rows of a child table, in the order of their element keys. Each has the cells of the key columns first. */
export type ChildRows = readonly (readonly Cell[])[];

/** A child table that exists. */
export interface ChildTable {
  readonly catalogue: Catalogue;
  readonly facts: KeyFacts;
}

const missing = (sink: string, problem: string): SinkError => new SinkError("SINK_MISSING", `[${sink}] ${problem}`);

/** A child table as the relations of a sink without versions, of which the facts about keys can be read. */
export const childRelations = ({ relation }: ChildSettings, { relations }: PostgresSettings): Relations => ({
  ...relations,
  guard: "inline",
  table: relation,
  rows: relation,
  versions: relation,
});

/**
 * Reads the child tables, in the order of the plan. `parent` is the table of the sink.
 * @throws {SinkError} SINK_MISSING when a table does not exist, or cannot be a child table.
 */
export const readChildTables = async (
  session: Session,
  settings: PostgresSettings,
  parent: Catalogue,
): Promise<readonly ChildTable[]> => {
  const tables: ChildTable[] = [];
  const oids = [parent.oid];
  for (const { child } of childrenInOrder(settings.children)) {
    const catalogue = await readCatalogue(session, child.relation, child.versions);
    if (catalogue === undefined) {
      const wayOut = child.declared === undefined ? "create it, because the sink has a mapper" : "ensure() creates it";
      throw missing(settings.name, `child table ${child.relation} does not exist; ${wayOut}`);
    }
    const problem = childTableProblem(child, catalogue, oids);
    if (problem !== undefined) throw missing(settings.name, problem);
    oids.push(catalogue.oid);
    tables.push({ catalogue, facts: await readKeyFacts(session, childRelations(child, settings)) });
  }
  return tables;
};

/** Returns why the key columns of a child cannot find its rows, and what to do; undefined if they can. */
export const childKeyProblem = (
  relations: Relations,
  keys: readonly string[],
  { facts, itemKeys }: { readonly facts: KeyFacts; readonly itemKeys: number },
): string | undefined => {
  const problem = keyProblem(relations, keys, facts);
  if (problem !== undefined) return problem;
  const first = keys.slice(0, itemKeys);
  const inexact = facts.rows.find(
    ({ name, hasModifier, isDeterministic }) => first.includes(name) && (hasModifier || !isDeterministic),
  );
  if (inexact !== undefined) {
    const { name, fullType, isDeterministic } = inexact;
    const found = isDeterministic ? fullType : `${fullType} with a collation that is not deterministic`;
    const expected = isDeterministic ? "the type without a length or precision" : "a deterministic collation";
    return `column "${name}" of ${relations.rows} is ${found}, so two items may have the same rows; expected ${expected}`;
  }
  const begins = facts.uniqueKeys.rows.some(
    ({ columns, use }) =>
      use === "fits" &&
      columns.length === keys.length &&
      columns.every((name) => keys.includes(name)) &&
      columns.slice(0, itemKeys).every((name) => first.includes(name)),
  );
  if (begins) return undefined;
  return (
    `the unique index of ${relations.rows} does not begin with the columns of the item's key (${quoteAll(first)}), so it ` +
    `cannot find the rows of an item; create one: CREATE UNIQUE INDEX ON ${relations.rows} (${quoteAll(keys)})`
  );
};

const columnsOf = (
  sink: string,
  {
    child,
    keys,
    parentKeys,
  }: { readonly child: ChildSettings; readonly keys: readonly string[]; readonly parentKeys: number },
  { catalogue, facts }: ChildTable,
): Pick<ChildPlan, "keys" | "columns"> => {
  const find = (name: string): WrittenColumn => {
    const column = catalogue.columns.find((candidate) => candidate.name === name);
    if (column === undefined) {
      throw missing(sink, `child table ${child.relation} has no column "${name}"; ensure() adds the declared columns`);
    }
    if (!column.isGenerated || (column.isIdentity && keys.includes(name))) return written(column);
    throw missing(sink, `${child.relation} generates column "${name}" itself; leave it out of option "children"`);
  };
  checkChildColumns(child, keys.slice(0, parentKeys));
  return {
    keys: keys.map((name) => withComparison(find(name), facts.rows)),
    columns: childColumnNames(child)
      .filter((name) => !keys.includes(name))
      .map(find),
  };
};

/** The columns with positions of a child and its parents. A position has one spelling. */
const positionColumns = (ordered: readonly OrderedChild[], index: number | undefined): readonly string[] => {
  if (index === undefined) return [];
  const { child, parent } = ordered[index] as OrderedChild;
  const { by, columns } = child.elementKey;
  return [...positionColumns(ordered, parent), ...(by === "position" ? columns : [])];
};

const inexactKeys = (
  names: readonly string[],
  {
    from,
    positions,
    table,
  }: { readonly from: number; readonly positions: readonly string[]; readonly table: ChildTable },
): readonly number[] => {
  const exact = new Set(table.facts.rows.filter(isExactText).map(({ name }) => name));
  return [...names.entries()].flatMap(([index, name]) =>
    index < from || positions.includes(name) || exact.has(name) ? [] : [index],
  );
};

const typeOf = ({ type, comparison }: WrittenColumn): KeyType => ({ type, collation: comparison?.collation });

/** Returns how the first key columns differ from the key to which they refer; undefined if they compare alike. */
const referenceProblem = (
  relation: string,
  keys: readonly WrittenColumn[],
  parent: { readonly relation: string; readonly keys: readonly WrittenColumn[] },
): string | undefined => {
  for (const [position, key] of parent.keys.entries()) {
    const own = keys[position] as WrittenColumn;
    const [type, expected] = [typeOf(own), typeOf(key)];
    if (comparesAlike(type, expected)) continue;
    const found = `column "${own.name}" of ${relation} is ${describeType(type)}`;
    return `${found}; expected ${describeType(expected)}, as column "${key.name}" of ${parent.relation}`;
  }
  return undefined;
};

/** Makes the plans of the children. @throws {SinkError} SINK_MISSING when a table lacks a column or a unique index. */
export const planChildren = (
  settings: PostgresSettings,
  itemKeys: readonly WrittenColumn[],
  tables: readonly ChildTable[],
): readonly ChildPlan[] => {
  const { key, children, name: sink, relations } = settings;
  const ordered = childrenInOrder(children);
  const itemNames = itemKeys.map(({ name }) => name);
  const plans: ChildPlan[] = [];
  for (const [index, { child, parent }] of ordered.entries()) {
    const table = tables[index] as ChildTable;
    const names = childKeyNames(key, itemNames, children, index);
    const parentKeys = names.length - child.elementKey.columns.length;
    const facts = { facts: table.facts, itemKeys: itemKeys.length };
    const columns = columnsOf(sink, { child, keys: names, parentKeys }, table);
    const above = parent === undefined ? undefined : plans[parent];
    const refersTo = { relation: above?.settings.relation ?? relations.rows, keys: above?.keys ?? itemKeys };
    const problem =
      childKeyProblem(childRelations(child, settings), names, facts) ??
      referenceProblem(child.relation, columns.keys, refersTo);
    if (problem !== undefined) throw missing(sink, problem);
    const inexact = inexactKeys(names, { from: itemKeys.length, positions: positionColumns(ordered, index), table });
    plans.push(Object.freeze({ settings: child, ...columns, inexact, parentKeys, parent }));
  }
  return plans;
};
