// Convergence on DynamoDB Local, items under their own keys; and what the suite finds when the guard is broken. Keys that
// move are for the package's own tests.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { dynamodbMutants } from "./dynamodb-mutants.ts";
import { type DynamodbMutation, openDynamodb } from "./dynamodb-target.ts";
import { fewer, testConvergence, testMutant } from "./runs.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb("DynamoDB", (dynamodb) => {
  const open = (mutation?: DynamodbMutation) => openDynamodb(dynamodb, mutation);

  testConvergence(open, "mishaps", fewer);
  testConvergence(open, "race", fewer);

  for (const [name, mutation] of Object.entries(dynamodbMutants)) testMutant(name, () => open(mutation));
});
