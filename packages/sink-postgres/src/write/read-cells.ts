// Reads the cells of a row, in the order of its columns. The sink's row and the rows of child tables are read in the same way.

import { type Cell, ColumnValueError } from "./codec.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Returns one column's cell. The source is an item's key, an image, an element, or a mapper's row. */
export type CellReader<Source> = (source: Source) => Cell;

/**
 * Appends a cell for each column. One `try` surrounds the loop: a closure per cell would take twice as long.
 * @throws {ColumnValueError} which names the column when a value does not fit it.
 */
export const readCells = <Source>(
  cells: Cell[],
  columns: readonly WrittenColumn[],
  readers: readonly CellReader<Source>[],
  source: Source,
): void => {
  let index = 0;
  try {
    for (const read of readers) {
      cells.push(read(source));
      index += 1;
    }
  } catch (error) {
    if (!(error instanceof ColumnValueError)) throw error;
    throw new ColumnValueError(`column "${columns[index]?.name}": ${error.message}`);
  }
};

/** Returns an own member of a mapper's row. */
export const memberOf = (row: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(row, name) ? row[name] : undefined;
