import { describe, expect, test } from "@jest/globals";
import { mutants } from "./mutants.ts";
import { planOf } from "./plan.ts";
import { simulate } from "./simulate.ts";
import { realParts } from "./world.ts";

/** Number of histories in which a broken part must be found. */
const maxRuns = 400;

describe("the oracles of the simulator find a broken part:", () => {
  test.each(Object.entries(mutants))(
    "%s",
    async (_, { oracle, parts }) => {
      let found = 0;
      for (let seed = 1; seed <= maxRuns && found === 0; seed += 1) {
        const problems = await simulate(planOf(seed), { ...realParts, ...parts });
        if (problems.some((problem) => problem.startsWith(oracle))) found = seed;
      }
      expect(found).toBeGreaterThan(0);
    },
    300_000,
  );
});
