// The content of child tables: each is one member of a copy's content, whose text has the rows of the item in the order of
// their keys. The text has the same forms of cells as the content of the sink's table.

import type { ChildPlan } from "../write/child-plan.ts";
import { compileChildren } from "../write/child-rows.ts";
import { type Cell, ColumnValueError } from "../write/codec.ts";
import { compareTexts } from "../write/compare-texts.ts";
import type { WrittenColumn } from "../write/written-columns.ts";
import { addMember, comparedText } from "./cell-text.ts";

/** What a read needs to know about the children of a plan. */
export interface ChildReads {
  readonly children: readonly ChildPlan[];
  /** For each child, the name of its member in the content of a copy. */
  readonly members: readonly string[];
  /** For each child, the columns of the text: those of the element's key, of its parents' elements, and the others. */
  readonly columns: readonly (readonly WrittenColumn[])[];
  /** Returns the function that tells whether a message gives a text column a JSON array or object. */
  readonly isJson: (message: unknown) => (child: number, column: string) => boolean;
}

/** The names of the tables. A name that a column or another child has is quoted, with the schema. */
const memberNames = (children: readonly ChildPlan[], columns: readonly WrittenColumn[]): readonly string[] => {
  const taken = new Set(columns.map(({ name }) => name));
  return children.map(({ settings }) => {
    let name = taken.has(settings.name) ? settings.relation : settings.name;
    while (taken.has(name)) name = `"${name}"`;
    taken.add(name);
    return name;
  });
};

/** A text column takes an array or object as JSON, which the message alone tells from a text that looks like JSON. */
const asJson = (column: WrittenColumn): WrittenColumn =>
  column.codec === "text" ? { ...column, codec: "json" } : column;

const jsonFinder = (
  children: readonly ChildPlan[],
  keys: number,
  isDeclared: boolean,
): ((message: unknown) => ReadonlySet<string>) => {
  const plans = children.map((plan) => ({ ...plan, columns: plan.columns.map(asJson) }));
  const encode = compileChildren(plans, isDeclared);
  return (message) => {
    const found = new Set<string>();
    try {
      const tables = encode?.(message, new Array<Cell>(keys).fill("")) ?? [];
      for (const [index, rows] of tables.entries()) {
        const plan = children[index] as ChildPlan;
        for (const [position, { name }] of plan.columns.entries()) {
          const isFound = rows.some((cells) => /^[[{]/.test(cells[position + plan.keys.length] ?? ""));
          if (isFound) found.add(`${index} ${name}`);
        }
      }
    } catch (error) {
      // A write rejects the message, and `canonical` tells why.
      if (!(error instanceof ColumnValueError)) throw error;
    }
    return found;
  };
};

/** Creates what a read needs to know about the children. */
export const compileChildReads = (
  children: readonly ChildPlan[],
  {
    keys,
    columns,
    isDeclared,
  }: {
    readonly keys: number;
    readonly columns: readonly WrittenColumn[];
    readonly isDeclared: boolean;
  },
): ChildReads => {
  const find = jsonFinder(children, keys, isDeclared);
  return {
    children,
    members: memberNames(children, columns),
    columns: children.map((plan) => [...plan.keys.slice(keys), ...plan.columns]),
    isJson: (message) => {
      let found: ReadonlySet<string> | undefined;
      return (child, column) => {
        found ??= message === undefined ? new Set() : find(message);
        return found.has(`${child} ${column}`);
      };
    },
  };
};

/** A row of a child table: the texts of its columns, in the order of `ChildReads.columns`. */
export type ChildTexts = readonly (string | null)[];

const numberTypes = /^(smallint|integer|bigint|numeric)$/;

const compareCells = ({ baseType }: WrittenColumn, one: string | null, other: string | null): number => {
  const texts = compareTexts(one ?? "", other ?? "");
  return numberTypes.test(baseType) ? Number(one ?? 0) - Number(other ?? 0) || texts : texts;
};

/** Adds the rows of a child to a content, if it has rows. */
export const addChild = (
  content: Record<string, string>,
  { members, columns: all }: ChildReads,
  index: number,
  rows: readonly ChildTexts[],
  isJson: (child: number, column: string) => boolean,
): void => {
  if (rows.length === 0) return;
  const columns = all[index] ?? [];
  const sorted = [...rows].sort((one, other) => {
    for (const [position, column] of columns.entries()) {
      const order = compareCells(column, one[position] ?? null, other[position] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  });
  const elements = sorted.map((texts) => {
    const element: Record<string, string> = {};
    for (const [position, { name, baseType }] of columns.entries()) {
      const text = texts[position] ?? null;
      if (text !== null)
        addMember(
          element,
          name,
          comparedText(baseType, text, () => isJson(index, name)),
        );
    }
    return element;
  });
  addMember(content, members[index] ?? "", JSON.stringify(elements));
};
