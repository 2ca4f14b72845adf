// Verifies tables in Postgres, with both guards, beside writes, late deliveries and corruptions.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { childReplicas, postgresReplicas } from "./postgres-replica.ts";
import { firstSeed, playAll, worldsOf } from "./property.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres(`Postgres, from seed ${firstSeed}`, (postgres) => {
  test.each(["version-table", "inline"] as const)(
    "with the %s guard, no finding is false, and all are repaired",
    async (guard) => {
      const url = await postgres.createDatabase();
      expect(await playAll(postgresReplicas(url, guard), { seed: firstSeed, count: worldsOf(8) })).toEqual([]);
    },
    300_000,
  );

  test.each(["version-table", "inline"] as const)(
    "with the %s guard and rows of lists, no finding is false, and all are repaired",
    async (guard) => {
      const url = await postgres.createDatabase();
      expect(await playAll(childReplicas(url, guard), { seed: firstSeed, count: worldsOf(8) })).toEqual([]);
    },
    300_000,
  );
});
