// A handful of histories on each release that can be started here: the suite of test/convergence plays hundreds on the
// newest, and breaks the guard.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { opensearch } from "../src/index.ts";
import { apiOf, newIndex } from "./api.ts";
import { divergingSeeds } from "./convergence.ts";
import { specimenMappings, testSettings } from "./rig.ts";
import { describeWithEachServer } from "./servers.ts";

const seedsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index);

await describeWithEachServer("convergence", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  test("20 random histories end with the last state of every item", async () => {
    const index = newIndex();
    const sink = opensearch({ client, index, mappings: specimenMappings, settings: testSettings });
    await sink.ensure();
    expect(await divergingSeeds(sink, api, index, seedsFrom(1, 20))).toEqual([]);
  });
});
