// Tests convergence on a real Postgres with both guards. Also proves that the suite finds a broken guard.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { postgresMutants, postgresRaceMutants, slowCommits } from "./postgres-mutants.ts";
import { type Mutation, openPostgres } from "./postgres-target.ts";
import { fewer, testConvergence, testMutant } from "./runs.ts";
import { versionMutants } from "./version-mutants.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("Postgres", (postgres) => {
  for (const guard of ["version-table", "inline"] as const) {
    const open = async (mutation?: Mutation) => openPostgres(await postgres.createDatabase(), guard, mutation);

    describe(`with the ${guard} guard`, () => {
      testConvergence(open);
      testConvergence(() => open(slowCommits), "race");
      testConvergence(open, "backfill", fewer);

      for (const [name, sink] of Object.entries(versionMutants)) testMutant(name, () => open({ sink }));
      for (const [name, mutation] of Object.entries(postgresMutants(guard))) testMutant(name, () => open(mutation));
      for (const [name, mutation] of Object.entries(postgresRaceMutants(guard))) {
        testMutant(name, () => open(mutation), "race");
      }
    });
  }
});
