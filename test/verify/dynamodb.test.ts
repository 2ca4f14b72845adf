// Verifies tables in DynamoDB Local beside writes, late deliveries and corruptions.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { dynamodbReplicas } from "./dynamodb-replica.ts";
import { firstSeed, playAll, worldsOf } from "./property.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb(`DynamoDB, from seed ${firstSeed}`, (dynamodb) => {
  test("no finding is false, and all are repaired", async () => {
    expect(await playAll(dynamodbReplicas(dynamodb), { seed: firstSeed, count: worldsOf(8) })).toEqual([]);
  }, 300_000);
});
