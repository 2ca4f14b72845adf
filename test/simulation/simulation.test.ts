// Plays thousands of random histories against pipelines in memory, and checks what the guarantees promise. A failing
// history is made smaller and printed. To repeat it alone: SIMULATION_SEED=<seed> SIMULATION_RUNS=1 npm test -- test/simulation/simulation.test.ts

import { expect, test } from "@jest/globals";
import { type Plan, planOf } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const firstSeed = Number(process.env.SIMULATION_SEED ?? 1);
const runs = Number(process.env.SIMULATION_RUNS ?? 2_000);

/** The oracle that found a problem. */
const oracleOf = (problem: string): string => problem.split(":")[0] as string;

const report = async (plan: Plan, problems: readonly string[]): Promise<string> => {
  const oracle = oracleOf(problems[0] as string);
  const smaller = await shrink(plan, async (candidate) =>
    (await simulate(candidate)).some((problem) => oracleOf(problem) === oracle),
  );
  return [
    `SIMULATION_SEED=${plan.seed} SIMULATION_RUNS=1 npm test -- test/simulation/simulation.test.ts`,
    ...problems.slice(0, 5),
    `a smaller plan that fails in the same way: ${JSON.stringify(smaller)}`,
    ...(await simulate(smaller)).slice(0, 5),
  ].join("\n");
};

test(`${runs} histories end as the guarantees promise`, async () => {
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    const plan = planOf(seed);
    const problems = await simulate(plan);
    expect(problems.length === 0 ? "" : await report(plan, problems)).toBe("");
  }
}, 900_000);
