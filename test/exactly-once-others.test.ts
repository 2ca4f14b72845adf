// The exactly-once account of mail by SES and SMTP, webhooks and EventBridge.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import type { Dedupe } from "@sluice/core/sink-kit";
import { engineOrSkip, startDynamodb, startMoto } from "@sluice/local";
import { memoryDedupe } from "@sluice/testing";
import { sesTarget, smtpTarget } from "./exactly-once/email-targets.ts";
import { busTarget } from "./exactly-once/eventbridge-target.ts";
import { fullLoad, playDay, playsDays, printAccounts, smallLoad } from "./exactly-once/scenarios.ts";
import { freshStores } from "./exactly-once/store.ts";
import { hookTarget } from "./exactly-once/webhook-target.ts";

printAccounts();

/** DynamoDB Local takes most of it: two writes a change, on the cores that all of this shares. */
jest.setTimeout(900_000);

const runner = { describe, test, afterAll };
const describeWithDynamodb = await engineOrSkip(runner, startDynamodb);

describeWithDynamodb("on DynamoDB Local and servers in this process", ({ clientConfig }) => {
  const tables = new DynamoDBClient(clientConfig);
  afterAll(() => tables.destroy());
  const common = { isNative: false, store: freshStores(tables), load: fullLoad };

  // The sink is the same as by SMTP, and the emulator three times as slow: a fifth of the changes.
  describe("e-mail by SES", () => {
    playsDays({ ...common, name: "ses", open: sesTarget, load: smallLoad });
  });

  describe("e-mail by SMTP", () => {
    playsDays({ ...common, name: "smtp", open: () => smtpTarget("ada@example.com") });
  });

  describe("webhook", () => {
    playsDays({ ...common, name: "webhook", open: hookTarget });
  });
});

describe("e-mail by SMTP, to two recipients of whom one may be refused", () => {
  const days = {
    name: "smtp, two recipients",
    open: () => smtpTarget("ada@example.com", "bob@example.com"),
    store: async (now: () => number) => memoryDedupe({ now }),
  };

  // Each recipient has a record, whatever the route's mode.
  test.each<Dedupe>(["always", "on-failure", "none"])("%s: each gets each mail once", async (dedupe) => {
    const { items, bad: outage } = smallLoad;
    expect((await playDay(days, dedupe, { items, outage })).duplicates).toBe(0);
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

  // moto takes a hundred events a second, so that a fifth of the changes must do.
  playsDays({
    name: "eventbridge",
    open: () => {
      opened += 1;
      return busTarget(moto, buses, `account-${opened}`);
    },
    isNative: false,
    store: freshStores(tables),
    load: smallLoad,
  });
});
