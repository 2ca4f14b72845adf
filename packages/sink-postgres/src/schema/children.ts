// Option `children`: tables that have a row for each element of a list, a set or a map of the item. Decision 0085 has the
// rules.

import { checkOptionNames, invalidOption, type OptionNames } from "@sluice/core/sink-kit";
import { type ColumnMap, type DeclaredColumn, declareColumns, segmentsOf } from "./columns.ts";
import { quoteRelation, relationsOf } from "./relations.ts";

/** A table that has a row for each element of a list, a set or a map. Its rows have the version of the parent's row. */
export interface PostgresChild {
  /** The table to write. */
  readonly table: string;
  /** The table's schema. Default: the schema of the sink's table. */
  readonly schema?: string;
  /**
   * The path of the list, set or map: in the item, in the element of the parent table, or in the row that the mapper returns.
   * An attribute's name, or names joined by dots; an array of names if a name contains a dot. `[]` is the element itself, for a
   * list in a list.
   */
  readonly of: string | readonly string[];
  /**
   * The columns that hold the item's key, and the key attribute that fills each. They refer to the row of the sink's table.
   * Default: the key columns of the sink's table, under the same names.
   */
  readonly key?: { readonly [column: string]: string };
  /** The column that gets the element's position in the list or set, an integer that begins with 0. */
  readonly position?: string;
  /** The column that gets the name of the map's member. */
  readonly memberName?: string;
  /** Those of `columns` that identify an element among the elements of its list, set or map. */
  readonly elementKey?: readonly string[];
  /**
   * The columns, as in option `columns` of the sink. Paths begin at the element; `[]` is the element itself. If the sink has a
   * mapper, a list of the members of the rows in the mapper's list.
   */
  readonly columns: readonly string[] | ColumnMap;
  /** Tables of the lists, sets and maps in each element. They have the key columns of this table. */
  readonly children?: readonly PostgresChild[];
}

/** What distinguishes an element from the other elements of its list, set or map. */
export type ElementKey =
  | { readonly by: "position"; readonly columns: readonly [string] }
  | { readonly by: "memberName"; readonly columns: readonly [string] }
  | { readonly by: "elementKey"; readonly columns: readonly string[] };

/** A child after its checks. */
export interface ChildSettings {
  /** The table's name, for errors and as the member of a copy's content. */
  readonly name: string;
  /** The table's name, quoted and with its schema. */
  readonly relation: string;
  /** The name of the version table that a sink of its own would have for the table, quoted and with its schema. */
  readonly versions: string;
  readonly of: readonly string[];
  /** The columns that hold the item's key, with the key attributes. Undefined: those of the sink's table. */
  readonly key: ReadonlyMap<string, string> | undefined;
  readonly elementKey: ElementKey;
  /** The names of the columns, if `columns` is a list. */
  readonly listed: readonly string[] | undefined;
  /** The columns with their types and paths, if `columns` is an object. */
  readonly declared: readonly DeclaredColumn[] | undefined;
  readonly children: readonly ChildSettings[];
}

const optionNames: OptionNames<PostgresChild> = {
  table: true,
  schema: true,
  of: true,
  key: true,
  position: true,
  memberName: true,
  elementKey: true,
  columns: true,
  children: true,
};

/** What the check of a child must know about the sink. */
export interface ChildrenContext {
  readonly schema: string | undefined;
  /** Whether the sink has its own mapper, so that children declare types and paths. */
  readonly isDeclared: boolean;
  /** Checks a name as the sink's own options do. */
  readonly checkTable: (table: unknown, schema: unknown) => void;
  readonly checkColumn: (option: string, value: unknown) => void;
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const pathOf = (of: unknown, place: string): readonly string[] => {
  const segments = segmentsOf(of);
  if (isList(segments) && segments.every((segment) => typeof segment === "string" && segment !== "")) {
    return segments as readonly string[];
  }
  throw invalidOption(place, 'needs "of": the path of a list, set or map, without empty names');
};

const elementKeyOf = ({ position, memberName, elementKey }: PostgresChild, place: string): ElementKey => {
  const given = Object.entries({ position, memberName, elementKey }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    throw invalidOption(place, `needs one of position, memberName, elementKey; found ${given.length} of them`);
  }
  if (typeof position === "string") return { by: "position", columns: [position] };
  if (typeof memberName === "string") return { by: "memberName", columns: [memberName] };
  if (isList(elementKey) && elementKey.length > 0) return { by: "elementKey", columns: [...elementKey] };
  throw invalidOption(place, "needs a column's name in position or memberName, or a list of columns in elementKey");
};

const columnsOf = (
  { columns }: PostgresChild,
  place: string,
  { isDeclared, checkColumn }: ChildrenContext,
): Pick<ChildSettings, "listed" | "declared"> => {
  if (isDeclared !== (typeof columns === "object" && columns !== null && !isList(columns))) {
    const expected = isDeclared
      ? "an object of columns and types, as the sink's own columns"
      : "a list of names: the sink has a mapper";
    throw invalidOption(place, `needs "columns" as ${expected}`);
  }
  const names = isList(columns) ? columns : Object.keys(columns);
  for (const name of names) if (name !== "") checkColumn(place, name);
  if (isList(columns)) return { listed: Object.freeze([...(columns as readonly string[])]), declared: undefined };
  return { listed: undefined, declared: Object.freeze(declareColumns(columns as ColumnMap)) };
};

/** Returns the names of the columns that an option gives. */
export const childColumnNames = ({ listed, declared }: Pick<ChildSettings, "listed" | "declared">): readonly string[] =>
  listed ?? declared?.map(({ name }) => name) ?? [];

/** Checks that the element's key is among the columns if it must be, and is not among them if it must not be. */
const checkElementKey = (
  { by, columns }: ElementKey,
  { listed, declared }: Pick<ChildSettings, "listed" | "declared">,
  place: string,
): void => {
  const names = childColumnNames({ listed, declared });
  for (const column of columns) {
    if (names.includes(column) === (by === "elementKey")) continue;
    const problem = by === "elementKey" ? 'which is not in "columns"' : 'which is in "columns", too';
    throw invalidOption(place, `names column "${column}" in ${by}, ${problem}`);
  }
};

const checkChild = (child: PostgresChild, place: string, context: ChildrenContext): ChildSettings => {
  if (typeof child !== "object" || child === null) throw invalidOption(place, "must be an object");
  checkOptionNames(place, child, optionNames);
  const { table, schema = context.schema, key, children = [] } = child;
  context.checkTable(table, schema);
  const elementKey = elementKeyOf(child, place);
  for (const column of [...elementKey.columns, ...Object.keys(key ?? {})]) context.checkColumn(place, column);
  const columns = columnsOf(child, place, context);
  checkElementKey(elementKey, columns, place);
  return Object.freeze({
    name: table,
    relation: quoteRelation(schema, table),
    versions: relationsOf("version-table", table, schema).versions,
    of: Object.freeze([...pathOf(child.of, place)]),
    key: key && new Map(Object.entries(key)),
    elementKey,
    ...columns,
    children: checkChildren(children, `${place}.children`, context),
  });
};

/** Checks option `children`. @throws {ConfigError} CONFIG_INVALID when a child is invalid, or two have one table. */
export const checkChildren = (
  children: readonly PostgresChild[],
  place: string,
  context: ChildrenContext,
): readonly ChildSettings[] => {
  if (!isList(children)) throw invalidOption(place, "must be a list of tables");
  return Object.freeze(children.map((child, index) => checkChild(child, `${place}[${index}]`, context)));
};

/** A child with the index of its parent. */
export interface OrderedChild {
  readonly child: ChildSettings;
  /** The parent's index in the list. Undefined if the parent is the table of the sink. */
  readonly parent: number | undefined;
}

const append = (list: OrderedChild[], children: readonly ChildSettings[], parent: number | undefined): void => {
  for (const child of children) {
    list.push({ child, parent });
    append(list, child.children, list.length - 1);
  }
};

/** Returns the children, and their children, each parent before its children. This is the order of a plan's children. */
export const childrenInOrder = (children: readonly ChildSettings[]): readonly OrderedChild[] => {
  const list: OrderedChild[] = [];
  append(list, children, undefined);
  return list;
};
