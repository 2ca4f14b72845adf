// Verifies indexes in OpenSearch beside writes, late deliveries and corruptions.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startOpensearch } from "@sluice/local";
import { opensearchReplicas } from "./opensearch-replica.ts";
import { firstSeed, playAll, worldsOf } from "./property.ts";

const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, () => startOpensearch());

describeWithOpensearch(`OpenSearch, from seed ${firstSeed}`, ({ url }) => {
  test("no finding is false, and all are repaired", async () => {
    expect(await playAll(opensearchReplicas(url), { seed: firstSeed, count: worldsOf(8) })).toEqual([]);
  }, 300_000);
});
