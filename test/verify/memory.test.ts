// Verifies targets in memory beside writes, late deliveries and corruptions. Also proves that the property finds wrong verifications.

import { describe, expect, test } from "@jest/globals";
import { firstSeed, mutants, playAll, worldsOf } from "./property.ts";
import { openMemory } from "./replica.ts";

const timeoutMs = 300_000;

describe(`verify, from seed ${firstSeed}`, () => {
  test(
    "reports no copy that is right, finds every wrong one, and repairs all",
    async () => {
      expect(await playAll(openMemory, { seed: firstSeed, count: worldsOf(60) })).toEqual([]);
    },
    timeoutMs,
  );

  test.each(Object.entries(mutants))(
    "the property finds a verification that %s",
    async (_, { mutant, count }) => {
      for (let seed = firstSeed; seed < firstSeed + count; seed += 10) {
        const problems = await playAll(openMemory, { seed, count: 10 }, mutant);
        if (problems.length > 0) return;
      }
      throw new Error(`${count} worlds have not found the wrong verification`);
    },
    timeoutMs,
  );
});
