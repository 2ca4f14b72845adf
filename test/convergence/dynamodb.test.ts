// Tests convergence on DynamoDB Local with the keys of the source table. Also proves that the suite finds a broken
// guard. The tests of the package sink-dynamodb cover keys that differ from the source table's.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { dynamodbMutants } from "./dynamodb-mutants.ts";
import { type DynamodbMutation, openDynamodb } from "./dynamodb-target.ts";
import { fewer, testConvergence, testMutant } from "./runs.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb("DynamoDB", (dynamodb) => {
  const open = (mutation?: DynamodbMutation) => openDynamodb(dynamodb, mutation);

  testConvergence(open, "faults", fewer);
  testConvergence(open, "race", fewer);
  testConvergence(open, "backfill", fewer);

  for (const [name, mutation] of Object.entries(dynamodbMutants)) testMutant(name, () => open(mutation));
});
