// Tests convergence on every release of OpenSearch that this machine can start, or on the server of OPENSEARCH_URL.
// Also proves, on the newest release, that the suite finds a broken guard.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, opensearchVersions, startOpensearch } from "@sluice/local";
import { opensearchMutants, routedMutants } from "./opensearch-mutants.ts";
import { type OpensearchMutation, openOpensearch } from "./opensearch-target.ts";
import { fewer, fewest, testConvergence, testMutant } from "./runs.ts";

const [newest, ...older] = process.env.OPENSEARCH_URL ? [] : await opensearchVersions();

for (const version of [newest, ...older]) {
  const start = () => startOpensearch(version === undefined ? {} : { version });
  const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, start);

  describeWithOpensearch(`OpenSearch ${version ?? "by default"}`, ({ url }) => {
    const open = (mutation?: OpensearchMutation) => openOpensearch(url, mutation);

    const played = version === newest ? fewer : fewest;
    testConvergence(open, "faults", played);
    testConvergence(open, "race", played);
    testConvergence(open, "backfill", played);
    describe("with a routing that changes", () => {
      const openRouted = () => open({ isRouted: true });
      testConvergence(openRouted, "faults", fewest);
      testConvergence(openRouted, "race", fewest);
      testConvergence(openRouted, "backfill", fewest);
    });

    if (version === newest) {
      for (const [name, mutation] of Object.entries({ ...opensearchMutants, ...routedMutants }))
        testMutant(name, () => open(mutation));
    }
  });
}
