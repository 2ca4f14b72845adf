// Measures whether a change costs more after a million changes, or in a target with a million items.

import { type EnvironmentCost, type EnvironmentLoad, environmentLoads } from "../environment-growth.ts";
import { table } from "../markdown.ts";
import { rounded } from "../statistics.ts";
import type { Goal, Suite, SuiteReport } from "../suite.ts";
import { runChild } from "./backfill-growth.ts";
import type { GrowthPlan } from "./growth-load.ts";
import { opensearchGrowth } from "./growth-opensearch.ts";
import { postgresGrowth } from "./growth-postgres.ts";

const counts = [1_000, 100_000, 1_000_000] as const;
/** Twice the deliveries that a sink remembers still fit between the last two counts. */
const quickCounts = [200, 400, 800] as const;
const countNames = ["1k", "100k", "1m"] as const;

const flat: Goal = { atMost: 1.1 };

const environmentReport = async (load: EnvironmentLoad, changes: readonly number[]): Promise<SuiteReport> => {
  const costs = await runChild<EnvironmentCost[]>("environment", load, ...changes);
  const [, some, many] = costs;
  if (some === undefined || many === undefined) throw new Error(`found ${costs.length} costs; expected 3`);
  const name = `growth/${load === "upsert" ? "core" : load}`;
  const figures = {
    [`${name}/100k-vs-1k`]: rounded(some.us / some.newUs),
    [`${name}/1m-vs-1k`]: rounded(many.us / many.newUs),
    [`${name}/heap/1m-vs-100k`]: rounded(many.heap / some.heap),
  };
  const rows = costs.map((cost, index) => [
    countNames[index] ?? "",
    rounded(cost.us),
    rounded(cost.newUs),
    rounded(cost.heap / 2 ** 20),
  ]);
  return {
    figures,
    goals: Object.fromEntries(Object.keys(figures).map((figure) => [figure, flat])),
    lines: [...table([`${load}, changes`, "µs a change", "in a new environment", "heap, MiB"], rows), ""],
  };
};

const wholePlan: GrowthPlan = { few: 10_000, many: 1_000_000, rounds: 9, batch: 1_000 };
const quickPlan: GrowthPlan = { few: 200, many: 400, rounds: 2, batch: 20 };

/** The suite that measures the growth of the time of a change. */
export const growthSuite: Suite = {
  name: "growth",
  isRunByNameOnly: true,
  run: async ({ isQuick, rounds }) => {
    const reports: SuiteReport[] = [];
    for (const load of environmentLoads) reports.push(await environmentReport(load, isQuick ? quickCounts : counts));
    const plan = isQuick ? quickPlan : { ...wholePlan, rounds: Math.min(rounds, 15) };
    reports.push(await postgresGrowth(plan), await opensearchGrowth(plan));
    return {
      figures: Object.assign({}, ...reports.map(({ figures }) => figures)),
      goals: Object.assign({}, ...reports.map(({ goals }) => goals)),
      lines: reports.flatMap(({ lines }) => lines),
    };
  },
};
