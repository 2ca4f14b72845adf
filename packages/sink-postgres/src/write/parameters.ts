// Turns the entries of a batch into the parameters of a statement: one text per column.

import { rejected, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import type { ChildPlan } from "./child-plan.ts";
import { arrayLiteral, type Cell, ColumnValueError, numericLiteral } from "./codec.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** `place` begins the error of a value: the child table, if the column is not one of the sink's table. */
const literal = (sink: string, { name, codec }: WrittenColumn, cells: readonly Cell[], place = ""): string => {
  try {
    return codec === "other" || codec === "time" ? numericLiteral(cells) : arrayLiteral(cells);
  } catch (error) {
    if (!(error instanceof ColumnValueError)) throw error;
    throw rejected(sink, `${place}column "${name}": ${error.message}`);
  }
};

/** Columns, and for each column the position of its cell. Without positions, the cells are in the columns' order. */
export interface CellColumns {
  readonly columns: readonly WrittenColumn[];
  readonly positions?: readonly number[];
}

/** Returns one array literal for each column. An entry without a cell for a column has NULL there. */
export const literals = (
  sink: string,
  { columns, positions }: CellColumns,
  entries: readonly { readonly cells: readonly Cell[] }[],
): string[] =>
  columns.map((column, index) => {
    const position = positions?.[index] ?? index;
    return literal(
      sink,
      column,
      entries.map(({ cells }) => cells[position] ?? null),
    );
  });

/** Returns one array literal for each column of each child table, with the rows of all entries. */
export const childLiterals = (sink: string, children: readonly ChildPlan[], entries: readonly RowEntry[]): string[] =>
  children.flatMap(({ settings, keys, columns }, child) => {
    const rows = entries.flatMap((entry) => entry.children?.[child] ?? []);
    return [...keys, ...columns].map((column, index) =>
      literal(
        sink,
        column,
        rows.map((cells) => cells[index] ?? null),
        `child table ${settings.relation}: `,
      ),
    );
  });

/** Returns the versions as one text, separated by commas. No version contains a comma. */
export const versions = (entries: readonly RowEntry[]): string =>
  entries.map(({ delivery }) => delivery.change.version).join(",");

/** Whether the entry removes its row. */
export const isRemoval = ({ delivery }: Pick<RowEntry, "delivery">): boolean => delivery.message === undefined;

/** Returns the removal flags as an array literal. */
export const removalFlags = (entries: readonly RowEntry[]): string =>
  arrayLiteral(entries.map((entry) => String(isRemoval(entry))));

/** Reads one-based positions that a statement returned, separated by commas. Null means no positions. */
export const positionsOf = (text: string | null): ReadonlySet<number> =>
  new Set(text === null ? [] : text.split(",").map(Number));

/** Whether the entry is a removal that needs no tombstone if the target has nothing. */
export const isOnlyIfPresent = ({ delivery }: RowEntry): boolean =>
  delivery.onlyIfPresent === true && delivery.message === undefined;

const isPrecaution = ({ delivery }: RowEntry): boolean =>
  (delivery.isPrecaution === true || delivery.onlyIfPresent === true) && delivery.message === undefined;

/**
 * Whether the entry is a precaution whose key the key columns cannot hold, so that the target cannot have its row. Postgres
 * would refuse the statement, and with it the other rows.
 */
export const isForeign = (keys: readonly WrittenColumn[], entry: RowEntry): boolean =>
  isPrecaution(entry) && keys.some(({ canHold }, index) => canHold?.(entry.cells[index] ?? "") === false);

/**
 * Splits off the removals with `onlyIfPresent` for which the target has nothing. They need no tombstone.
 * `findPresent` returns the one-based positions, separated by commas, of the entries for which the target has something.
 */
export const splitAbsent = async <Entry extends RowEntry>(
  part: readonly Entry[],
  findPresent: (entries: readonly Entry[]) => Promise<string | null>,
): Promise<{ readonly entries: readonly Entry[]; readonly results: readonly WriteResult[] }> => {
  const precautions = part.filter(isOnlyIfPresent);
  if (precautions.length === 0) return { entries: part, results: [] };
  const present = positionsOf(await findPresent(precautions));
  const absent = new Set(precautions.filter((_, index) => !present.has(index + 1)));
  return {
    entries: part.filter((entry) => !absent.has(entry)),
    results: [...absent].map(({ delivery }) => superseded(delivery)),
  };
};
