// Formats Markdown tables for a README.

type Cell = string | number;

const text = (cell: Cell): string => (typeof cell === "number" ? cell.toLocaleString("en") : cell);

/** Returns the lines of a Markdown table. The first column is aligned to the left, all other columns to the right. */
export const table = (head: readonly string[], rows: readonly (readonly Cell[])[]): string[] => {
  const texts = [head, ...rows.map((row) => row.map(text))];
  const widths = head.map((_, column) => Math.max(4, ...texts.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (column === 0 ? (row[column] ?? "").padEnd(width) : (row[column] ?? "").padStart(width))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...texts.slice(1).map(line)];
};
