// The table of bundle sizes in docs/bundle-size.md. A test compares it with the bundles, and `npm run bundle-size` writes it.

import { table } from "../markdown.ts";
import { type PipelineSizes, pipelineSizes } from "./sizes.ts";

const start = "<!-- sizes: npm run bundle-size -->\n\n";
const end = "\n\n<!-- end of sizes -->";

const place = (page: string): [from: number, to: number] => {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error("docs/bundle-size.md has no table of sizes");
  return [from + start.length, to];
};

const head = ["pipeline", "SDK in the bundle", "gzipped", "SDK of the runtime", "gzipped"];

/** Returns the page with the sizes of the bundles as they are now. */
export const withSizes = async (page: string): Promise<string> => {
  const [from, to] = place(page);
  const rows = (await pipelineSizes()).map((sizes) => Object.values(sizes));
  return page.slice(0, from) + table(head, rows).join("\n") + page.slice(to);
};

/** Reads the sizes that the page states, in kilobytes, in the order of its columns. */
export const statedSizes = (page: string): ReadonlyMap<string, readonly number[]> => {
  const [, , ...rows] = page.slice(...place(page)).split("\n");
  return new Map(
    rows.map((row) => {
      const [name = "", ...sizes] = row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [name, sizes.map(Number)];
    }),
  );
};

/** Relative deviation of a size that fails the test: a bundle that grew, or a table that was not updated. */
const tolerance = 0.05;

/** Returns a line for each size that deviates from the stated one by more than 5 %. */
export const deviations = (sizes: readonly PipelineSizes[], stated: ReadonlyMap<string, readonly number[]>): string[] =>
  sizes.flatMap(({ name, ...found }) =>
    Object.entries(found).flatMap(([column, kilobytes], index) => {
      const budget = stated.get(name)?.[index] ?? Number.NaN;
      if (Math.abs(kilobytes / budget - 1) <= tolerance) return [];
      return [`${name}, ${column}: ${kilobytes} kB; docs/bundle-size.md says ${budget} kB`];
    }),
  );
