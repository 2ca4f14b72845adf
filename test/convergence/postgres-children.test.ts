// Tests convergence of rows with the rows of their lists, sets and maps, on a real Postgres with both guards and foreign
// keys. Also proves that the suite finds a broken statement.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { familyMutants, familyRaceMutants } from "./family-mutants.ts";
import { openFamilies } from "./family-target.ts";
import { slowCommits } from "./postgres-mutants.ts";
import type { Mutation } from "./postgres-target.ts";
import { fewest, testConvergence, testMutant } from "./runs.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("Postgres with children", (postgres) => {
  describe.each(["version-table", "inline"] as const)("with the %s guard", (guard) => {
    const open = async (mutation?: Mutation) =>
      openFamilies(await postgres.createDatabase(), guard, { hasForeignKeys: true, ...(mutation && { mutation }) });
    const openMutant = async (mutation: Mutation) =>
      openFamilies(await postgres.createDatabase(), guard, { hasForeignKeys: false, mutation });

    testConvergence(open, "faults", fewest);
    testConvergence(() => open(slowCommits), "race", fewest);
    testConvergence(open, "backfill", fewest);

    for (const [name, mutation] of Object.entries(familyMutants)) testMutant(name, () => openMutant(mutation));
    for (const [name, mutation] of Object.entries(familyRaceMutants)) {
      testMutant(name, () => openMutant(mutation), "race");
    }
  });
});
