// The key columns of child tables. A write and ensure() resolve them in the same way.

import { invalidOption, keySources } from "@sluice/core/sink-kit";
import type { PostgresSettings } from "../options.ts";
import type { Catalogue } from "./catalogue.ts";
import { type ChildSettings, childColumnNames, childrenInOrder, type OrderedChild } from "./children.ts";
import { guardColumns } from "./relations.ts";

/** Returns the child's columns for the columns of the item's key, in their order. */
const itemKeyNames = (
  key: PostgresSettings["key"],
  itemKeys: readonly string[],
  { key: own, relation }: ChildSettings,
): readonly string[] => {
  if (own === undefined) return itemKeys;
  const sources = keySources(key);
  const left = new Map(own);
  const names = itemKeys.map((name) => {
    const attribute = sources?.get(name) ?? name;
    const [column] = [...left].find(([, source]) => source === attribute) ?? [];
    if (column === undefined) {
      throw invalidOption("children", `has no column of ${relation} in "key" for the key attribute "${attribute}"`);
    }
    left.delete(column);
    return column;
  });
  const [unused] = left;
  if (unused === undefined) return names;
  const found = `fills column "${unused[0]}" of ${relation} from "${unused[1]}"`;
  throw invalidOption("children", `${found}, which is not in the key of the sink's table`);
};

/**
 * Returns the names of a child's key columns: those with the item's key, then those of the parents' elements, then those of
 * the element. `index` is the child's place in `childrenInOrder`. `itemKeys` are the key columns of the sink's table.
 * @throws {ConfigError} CONFIG_INVALID when the key columns of the child do not fit those of the sink's table.
 */
export const childKeyNames = (
  key: PostgresSettings["key"],
  itemKeys: readonly string[],
  children: readonly ChildSettings[],
  index: number,
): readonly string[] => {
  const { child, parent } = childrenInOrder(children)[index] as OrderedChild;
  if (parent !== undefined && child.key !== undefined) {
    throw invalidOption(
      "children",
      `gives ${child.relation} a "key"; a child of a child has the key columns of its parent`,
    );
  }
  const before =
    parent === undefined ? itemKeyNames(key, itemKeys, child) : childKeyNames(key, itemKeys, children, parent);
  const twice = child.elementKey.columns.find((name) => before.includes(name));
  if (twice === undefined) return [...before, ...child.elementKey.columns];
  throw invalidOption("children", `names column "${twice}" of ${child.relation} twice in its key`);
};

/** Checks that no column that the option names is one of the keys of the parent's row. */
export const checkChildColumns = (child: ChildSettings, parentKeys: readonly string[]): void => {
  const twice = childColumnNames(child).find((name) => parentKeys.includes(name));
  if (twice === undefined) return;
  throw invalidOption(
    "children",
    `names column "${twice}" of ${child.relation} in "columns"; it has the key of the parent's row`,
  );
};

/**
 * Returns why a table cannot be a child table, and what to do; undefined if it can. `others` are the object identifiers of the
 * other tables of the sink.
 */
export const childTableProblem = (
  { relation, versions }: ChildSettings,
  { oid, columns, hasVersions }: Catalogue,
  others: readonly string[],
): string | undefined => {
  if (others.includes(oid)) return `${relation} is another table of the sink, too; give each list a table of its own`;
  if (hasVersions) {
    return `${relation} is written by a sink of its own, whose versions are in ${versions}; a child table belongs to one sink. Name another table, or drop ${versions} if no sink uses it`;
  }
  const version = columns.find(({ name }) => guardColumns.has(name));
  if (version === undefined) return undefined;
  return `${relation} has the column "${version.name}" of a sink of its own; a child table belongs to one sink. Name another table`;
};

/** Texts of these types compare as texts of the others do. */
const textTypes: ReadonlySet<string> = new Set(["text", "character varying"]);

/** What decides whether two columns compare alike. Without a collation, or with the default one, the other's is used. */
export interface KeyType {
  readonly type: string;
  readonly collation: string | null | undefined;
}

const defaultCollation = '"default"';

/** Whether a key column can refer to another one. Postgres does not compare texts of two collations, unless one is the default. */
export const comparesAlike = (one: KeyType, other: KeyType): boolean => {
  const [first, second] = [one, other].map(({ collation }) => collation ?? defaultCollation);
  const haveOneCollation = first === second || first === defaultCollation || second === defaultCollation;
  return haveOneCollation && (one.type === other.type || (textTypes.has(one.type) && textTypes.has(other.type)));
};

/** Returns a type with its collation, for errors. */
export const describeType = ({ type, collation }: KeyType): string =>
  type +
  (collation === null || collation === undefined || collation === defaultCollation ? "" : ` COLLATE ${collation}`);
