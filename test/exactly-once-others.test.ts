// Exactly-once tests of e-mail through SES and SMTP, of webhooks, and of EventBridge. EXACTLY_ONCE_LOAD=full sends five
// times as many changes, as many as exactly-once.test.ts.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import type { Dedupe } from "@sluice/core/sink-kit";
import { engineOrSkip, startDynamodb, startMoto } from "@sluice/local";
import { memoryDedupe } from "@sluice/testing";
import { sesTarget, smtpTarget } from "./exactly-once/email-targets.ts";
import { eventbridgeTarget } from "./exactly-once/eventbridge-target.ts";
import { printResults, runScenario, smallLoad, testScenarios } from "./exactly-once/scenarios.ts";
import { newStores } from "./exactly-once/store.ts";
import { webhookTarget } from "./exactly-once/webhook-target.ts";

printResults();

/** A long timeout, because each change causes two writes to DynamoDB Local, which is slow. */
jest.setTimeout(900_000);

const runner = { describe, test, afterAll };
const describeWithDynamodb = await engineOrSkip(runner, startDynamodb);

describeWithDynamodb("on DynamoDB Local and servers in this process", ({ clientConfig }) => {
  const tables = new DynamoDBClient(clientConfig);
  afterAll(() => tables.destroy());
  const common = { isNative: false, store: newStores(tables), load: smallLoad };

  describe("e-mail by SES", () => {
    testScenarios({ ...common, name: "ses", open: sesTarget });
  });

  describe("e-mail by SMTP", () => {
    testScenarios({ ...common, name: "smtp", open: () => smtpTarget("ada@example.com") });
  });

  describe("webhook", () => {
    testScenarios({ ...common, name: "webhook", open: webhookTarget });
  });
});

describe("e-mail by SMTP to two recipients, one of whom the server may refuse", () => {
  const sink = {
    name: "smtp, two recipients",
    open: () => smtpTarget("ada@example.com", "bob@example.com"),
    store: async (now: () => number) => memoryDedupe({ now }),
  };

  // No mode causes duplicates, because even in the mode `none` the dedupe store remembers each recipient.
  test.each<Dedupe>(["always", "on-failure", "none"])("%s: each recipient receives each mail once", async (dedupe) => {
    const { items, withCrashes: faults } = smallLoad;
    expect((await runScenario(sink, dedupe, { items, faults })).duplicates).toBe(0);
  });
});

const describeWithMoto = await engineOrSkip(runner, async () => {
  const [moto, dynamodb] = await Promise.all([startMoto(), startDynamodb()]);
  const stop = async (): Promise<void> => {
    await Promise.all([moto.stop(), dynamodb.stop()]);
  };
  return { moto, dynamodb, stop };
});

describeWithMoto("on DynamoDB Local and moto", ({ moto, dynamodb }) => {
  const tables = new DynamoDBClient(dynamodb.clientConfig);
  const buses = new EventBridge(moto.clientConfig);
  let opened = 0;
  afterAll(() => {
    for (const client of [tables, buses]) client.destroy();
  });

  testScenarios({
    name: "eventbridge",
    open: () => {
      opened += 1;
      return eventbridgeTarget(moto, buses, `exactly-once-${opened}`);
    },
    isNative: false,
    store: newStores(tables),
    load: smallLoad,
  });
});
