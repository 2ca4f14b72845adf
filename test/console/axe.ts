// Looks for faults of accessibility in a page.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";

const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const all: RunOptions = {};

const colors: RunOptions = { runOnly: ["color-contrast", "link-in-text-block"] };

/**
 * Returns the violations of axe's rules, one line for each element.
 * @param scope `colors`: only the rules that depend on the theme.
 */
export const axeViolations = async (page: Page, scope: "all" | "colors" = "all"): Promise<readonly string[]> => {
  // The page's policy forbids scripts of others; Chromium's own interface does not ask the policy.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(source);
  const { violations } = await page.evaluate(
    (options) =>
      (globalThis as unknown as { axe: { run: (options: RunOptions) => Promise<AxeResults> } }).axe.run(options),
    scope === "all" ? all : colors,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary?.split("\n")[1]?.trim()}`),
  );
};
