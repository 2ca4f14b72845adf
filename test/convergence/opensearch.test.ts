// Convergence on the newest OpenSearch that this machine can start; and what the suite finds when the guard is broken.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startOpensearch } from "@sluice/local";
import { opensearchMutants } from "./opensearch-mutants.ts";
import { type OpensearchMutation, openOpensearch } from "./opensearch-target.ts";
import { fewer, testConvergence, testMutant } from "./runs.ts";

const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, () => startOpensearch());

describeWithOpensearch("OpenSearch", ({ url }) => {
  const open = (mutation?: OpensearchMutation) => openOpensearch(url, mutation);

  testConvergence(open, "mishaps", fewer);
  testConvergence(open, "race", fewer);

  for (const [name, mutation] of Object.entries(opensearchMutants)) testMutant(name, () => open(mutation));
});
