// The cells of one element of a list, a set or a map.

import { hasMembers } from "@sluice/core/sink-kit";
import type { ChildPlan } from "./child-plan.ts";
import { type Cell, ColumnValueError, valueCell } from "./codec.ts";
import { type CellReader, memberOf, readCells } from "./read-cells.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Appends the cells of the element's own columns to its row. */
export type ElementCells<Value> = (element: Value, row: Cell[]) => void;

/** Creates the function that calls a reader for each column. */
export const compileElementCells =
  <Value>(columns: readonly WrittenColumn[], readers: readonly CellReader<Value>[]): ElementCells<Value> =>
  (element, row) =>
    readCells(row, columns, readers, element);

type Members = Readonly<Record<string, unknown>>;

/** Checks the names of a row in a mapper's list. */
const compileNames = (
  { keys, columns }: ChildPlan,
  lists: ReadonlySet<string>,
): ((element: Members, row: readonly Cell[]) => void) => {
  const positions = new Map(keys.map((key, index) => [key.name, index]));
  const known = new Set([...columns.map(({ name }) => name), ...lists]);
  return (element, row) => {
    for (const name of Object.keys(element)) {
      if (known.has(name) || element[name] === undefined) continue;
      const position = positions.get(name);
      if (position === undefined) {
        throw new ColumnValueError(`the row names column "${name}", which is not in its option "columns"`);
      }
      if (valueCell(element[name], keys[position]?.codec ?? "text") === row[position]) continue;
      throw new ColumnValueError(`column "${name}": the row has another value than its key`);
    }
  };
};

/** Creates the function for the elements of a mapper's list: rows, or values if the child has one column. */
export const rowCells = (plan: ChildPlan, plans: readonly ChildPlan[]): ElementCells<unknown> => {
  const { keys, columns, parentKeys, settings } = plan;
  const own = [...(settings.elementKey.by === "elementKey" ? keys.slice(parentKeys) : []), ...columns];
  const nested = plans.filter(({ parent }) => parent !== undefined && plans[parent] === plan);
  const checkNames = compileNames(plan, new Set(nested.flatMap(({ settings }) => settings.of.slice(0, 1))));
  const fromRow = compileElementCells<Members>(
    own,
    own.map(
      ({ name, codec }) =>
        (element) =>
          valueCell(memberOf(element, name), codec),
    ),
  );
  const fromValue = compileElementCells<unknown>(
    own,
    own.map(
      ({ codec }) =>
        (element) =>
          valueCell(element, codec),
    ),
  );
  return (element, row) => {
    if (hasMembers(element)) {
      fromRow(element, row);
      checkNames(element, row);
    } else if (element === null || element === undefined || own.length <= 1) {
      fromValue(element, row);
    } else {
      throw new ColumnValueError(`found an element without named members; expected a row with ${own.length} columns`);
    }
  };
};
