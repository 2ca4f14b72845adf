import { cut } from "./plain-text.ts";

/** A forged message may have members of any length. Ids of dead letters are much shorter. */
const maxCellLength = 200;

/** Formats a table with aligned columns. Returns no lines, not even the head, if there are no rows. */
export const tableLines = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => {
  if (rows.length === 0) return [];
  const all = [head, ...rows].map((row) => row.map((cell) => cut(cell, maxCellLength)));
  const widths = head.map((_, column) => all.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
};
