// Turns the lists, sets and maps of an item into the rows of child tables.

import type { AttributeValue } from "@sluice/core/sink-kit";
import { compileElementPath } from "./attribute-path.ts";
import type { ChildPlan, ChildRows } from "./child-plan.ts";
import { type Cell, ColumnValueError, valueCell } from "./codec.ts";
import { compareTexts } from "./compare-texts.ts";
import { compileElementCells, type ElementCells, rowCells } from "./element-cells.ts";
import { attributeReader, checkMembers, type ElementReader, type Elements, valueReader } from "./elements.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Returns the rows of each child, in the order of the plan's children. `keys` are the cells of the item's key. */
export type EncodeChildren = (message: unknown, keys: readonly Cell[]) => readonly ChildRows[];

type Row = readonly Cell[];

/** A child with what its encoding needs. `cellsOf` returns the cells of the element's own columns. */
interface Encoder<Value> {
  readonly plan: ChildPlan;
  readonly index: number;
  readonly cellsOf: ElementCells<Value>;
  readonly children: readonly Encoder<Value>[];
}

const describePath = ({ settings }: ChildPlan): string =>
  settings.of.length === 0 ? "the element" : `"${settings.of.join(".")}"`;

/** Calls `encode`, and adds the child table to the error of a value. */
const inTable = <Result>(plan: ChildPlan, encode: () => Result): Result => {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof ColumnValueError)) throw error;
    throw new ColumnValueError(`child table ${plan.settings.relation}, ${describePath(plan)}: ${error.message}`);
  }
};

const checkKind = ({ settings }: ChildPlan, { kind }: Elements<unknown>): void => {
  const { by } = settings.elementKey;
  if (by === "position" && kind === "map") {
    throw new ColumnValueError("found a map, which has no positions; expected a list or a set");
  }
  if (by === "memberName" && kind !== "map") {
    throw new ColumnValueError(`found a ${kind}, whose elements have no names; expected a map`);
  }
};

/** An element of a collection with its row. */
interface Numbered<Value> {
  readonly key: string;
  readonly row: Row;
  readonly value: Value;
}

/** The cells of the element's key as one text. NUL separates them, because no cell can contain NUL. */
const keyOf = ({ keys, parentKeys }: ChildPlan, row: Row): string => {
  if (keys.length === parentKeys + 1) return row[parentKeys] ?? "";
  return row.slice(parentKeys, keys.length).join("\0");
};

/** Sorts by the element's key. @throws {ColumnValueError} when two elements have one key. */
const inOrder = <Value>(elements: Numbered<Value>[]): Numbered<Value>[] => {
  elements.sort((one, other) => compareTexts(one.key, other.key));
  for (const [index, { key }] of elements.entries()) {
    if (index === 0 || elements[index - 1]?.key !== key) continue;
    throw new ColumnValueError("found two elements with the same key; expected a key for each element");
  }
  return elements;
};

const checkKeyCells = (keys: readonly WrittenColumn[], from: number, row: Row): void => {
  for (let index = from; index < keys.length; index += 1) {
    if (row[index] !== null) continue;
    throw new ColumnValueError(`column "${keys[index]?.name}", a key of the element: found no value; expected one`);
  }
};

const rowsOf = <Value>(
  { plan, cellsOf }: Encoder<Value>,
  { values, names }: Elements<Value>,
  parent: Row,
): readonly Numbered<Value>[] => {
  const { keys, parentKeys, settings } = plan;
  const { by } = settings.elementKey;
  const first = parent.slice(0, parentKeys);
  const nameCodec = keys[parentKeys]?.codec ?? "text";
  const elements: Numbered<Value>[] = [];
  for (const [index, value] of values.entries()) {
    const row = first.slice();
    if (by === "position") row.push(String(index));
    if (by === "memberName") row.push(valueCell(names?.[index], nameCodec));
    cellsOf(value, row);
    if (by !== "position") checkKeyCells(keys, parentKeys, row);
    elements.push({ key: by === "position" ? "" : keyOf(plan, row), row, value });
  }
  return by === "position" ? elements : inOrder(elements);
};

const appendRows = <Value>(
  reader: ElementReader<Value>,
  encoders: readonly Encoder<Value>[],
  { value, row: parent }: { readonly value: Value; readonly row: Row },
  rows: Row[][],
): void => {
  for (const encoder of encoders) {
    const { plan, index, children } = encoder;
    const found = inTable(plan, () => {
      const elements = reader.elementsOf(reader.follow(value, plan.settings.of));
      if (elements === undefined) return [];
      checkKind(plan, elements);
      return rowsOf(encoder, elements, parent);
    });
    const own = rows[index] as Row[];
    for (const element of found) {
      own.push(element.row);
      if (children.length > 0) appendRows(reader, children, element, rows);
    }
  }
};

const compileWith = <Value>(
  plans: readonly ChildPlan[],
  reader: ElementReader<Value>,
  compileCells: (plan: ChildPlan) => ElementCells<Value>,
): ((value: Value, keys: readonly Cell[]) => readonly ChildRows[]) => {
  const childrenOf = (parent: number | undefined): Encoder<Value>[] =>
    plans.flatMap((plan, index) =>
      plan.parent === parent ? [{ plan, index, cellsOf: compileCells(plan), children: childrenOf(index) }] : [],
    );
  const encoders = childrenOf(undefined);
  return (value, keys) => {
    const rows: Row[][] = plans.map(() => []);
    appendRows(reader, encoders, { value, row: keys }, rows);
    return rows;
  };
};

const declaredCells = ({ settings, keys, columns, parentKeys }: ChildPlan): ElementCells<AttributeValue> => {
  const { by } = settings.elementKey;
  const declared = new Map(settings.declared?.map((column) => [column.name, column]));
  const own = [...(by === "elementKey" ? keys.slice(parentKeys) : []), ...columns];
  const paths = own.map(({ name }) => declared.get(name)?.path ?? [name]);
  const cells = compileElementCells(
    own,
    own.map(({ name, codec }, index) => compileElementPath(paths[index] ?? [], codec, declared.get(name)?.epoch)),
  );
  const member = paths.findIndex(({ length }) => length > 0);
  const [column, path] = [own[member]?.name, paths[member]];
  if (column === undefined || path === undefined) return cells;
  return (element, row) => {
    checkMembers(element, column, path);
    cells(element, row);
  };
};

/** Creates the function that encodes the children of an item. Returns undefined for a sink without children. */
export const compileChildren = (plans: readonly ChildPlan[], isDeclared: boolean): EncodeChildren | undefined => {
  if (plans.length === 0) return undefined;
  if (!isDeclared) return compileWith<unknown>(plans, valueReader, (plan) => rowCells(plan, plans));
  const encode = compileWith(plans, attributeReader, declaredCells);
  return (image, keys) => encode({ M: image } as AttributeValue, keys);
};
