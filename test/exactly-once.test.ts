// The exactly-once account: what an append target is sent on the worst of days, under each mode.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import type { Dedupe, DedupeStore } from "@sluice/core";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { engineOrSkip, startDynamodb, startSqs } from "@sluice/local";
import { memoryDedupe } from "@sluice/testing";
import { type Account, play, type Run, type Target } from "./exactly-once/account.ts";
import type { Outage } from "./exactly-once/outside.ts";
import { memoryTarget, queueTarget, topicTarget } from "./exactly-once/targets.ts";

/** 5,000 changes: 500 items, ten revisions each. A minute is half a second in memory, and three beside engines. */
const load = { items: 500, revisions: 10 };
const factorInMemory = 120;
const factorBesideEngines = 20;

const calmDay: Outage = { failingEvery: 10, throttledFrom: 200, throttledMs: 60_000 };
const badDay: Outage = { ...calmDay, diesBefore: 120, diesAfter: 40 };

const accounts: (Account & { readonly run: string })[] = [];
const kept = async (name: string, run: Run): Promise<Account> => {
  const account = await play(run);
  accounts.push({ run: name, ...account });
  return account;
};

afterAll(() => {
  const rows = accounts.map((account) => Object.values(account).join(" | "));
  process.stdout.write(`${[Object.keys(accounts[0] ?? {}).join(" | "), ...rows].join("\n")}\n`);
});

const expectComplete = (account: Account, { diesBefore }: Outage): void => {
  expect(account).toMatchObject({ changes: 5_000, lost: 0, misordered: 0, deaths: diesBefore === undefined ? 0 : 2 });
  // The day was as bad as it was planned to be.
  expect(account.failedEntries).toBeGreaterThan(40);
  expect(account.throttledRequests).toBeGreaterThan(0);
};

const inMemory = { factor: factorInMemory, store: (now: () => number) => memoryDedupe({ now }) };

describe("in memory, 5,000 changes with a failing entry in every tenth request and a throttled minute", () => {
  test.each<Dedupe>(["native", "on-failure", "always"])("%s sends each once", async (dedupe) => {
    const target = memoryTarget(dedupe === "native");
    const account = await kept(`memory, ${dedupe}`, { ...load, dedupe, target, outage: calmDay, ...inMemory });
    expectComplete(account, calmDay);
    expect(account.duplicates).toBe(0);
  });

  test("none sends many again", async () => {
    const run: Run = { ...load, dedupe: "none", target: memoryTarget(false), outage: calmDay, ...inMemory };
    const account = await kept("memory, none", run);
    expectComplete(account, calmDay);
    expect(account.duplicates).toBeGreaterThan(0);
  });
});

describe("in memory, and two deaths of the function", () => {
  test.each<Dedupe>(["native", "always"])("%s sends each once", async (dedupe) => {
    const target = memoryTarget(dedupe === "native");
    const account = await kept(`memory, ${dedupe}, two deaths`, {
      ...load,
      dedupe,
      target,
      outage: badDay,
      ...inMemory,
    });
    expectComplete(account, badDay);
    expect(account.duplicates).toBe(0);
  });

  test("on-failure sends again what the two invocations had sent", async () => {
    const run: Run = { ...load, dedupe: "on-failure", target: memoryTarget(false), outage: badDay, ...inMemory };
    const account = await kept("memory, on-failure, two deaths", run);
    expectComplete(account, badDay);
    expect(account.duplicates).toBeGreaterThan(0);
    expect(account.duplicates).toBeLessThanOrEqual(200);
  });
});

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, async () => {
  const [sqs, dynamodb] = await Promise.all([startSqs(), startDynamodb()]);
  const stop = async (): Promise<void> => {
    await Promise.all([sqs.stop(), dynamodb.stop()]);
  };
  return { sqs, dynamodb, stop };
});

/** DynamoDB Local takes most of it: two writes a change, on the cores that all of this shares. */
jest.setTimeout(180_000);

describeWithEngines("on SQS, SNS and DynamoDB, and two deaths of the function", ({ sqs, dynamodb }) => {
  const client = new SQS(sqs.clientConfig);
  const topics = new SNS(sqs.clientConfig);
  const tables = new DynamoDBClient(dynamodb.clientConfig);
  const table = dynamodbDedupe({ tableName: "sluice-dedupe", client: tables });
  afterAll(() => {
    client.destroy();
    topics.destroy();
    tables.destroy();
  });

  /** Claims are held on the machine's clock: for long enough to send them, and not until a dead holder had timed out. */
  const longestHoldMs = 10_000;
  const store = (): DedupeStore => ({
    journal: table.journal,
    claims: {
      ...table.claims,
      claim: (id, key, holdMs) => table.claims.claim(id, key, Math.min(holdMs, longestHoldMs)),
    },
  });

  const createQueue = async (name: string, isFifo: boolean): Promise<string> => {
    const Attributes = isFifo ? { FifoQueue: "true" } : {};
    const { QueueUrl = "" } = await client.createQueue({ QueueName: `${name}${isFifo ? ".fifo" : ""}`, Attributes });
    return QueueUrl;
  };

  const createTopic = async (name: string, isFifo: boolean, queueUrl: string): Promise<string> => {
    const Attributes = isFifo ? { FifoTopic: "true" } : {};
    const { TopicArn = "" } = await topics.createTopic({ Name: `${name}${isFifo ? ".fifo" : ""}`, Attributes });
    const queue = await client.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] });
    await topics.subscribe({
      TopicArn,
      Protocol: "sqs",
      Endpoint: queue.Attributes?.QueueArn,
      Attributes: { RawMessageDelivery: "true" },
    });
    return TopicArn;
  };

  const targets = {
    sqs: async (name: string, isFifo: boolean): Promise<Target> =>
      queueTarget(client, await createQueue(`sqs-${name}`, isFifo)),
    sns: async (name: string, isFifo: boolean): Promise<Target> => {
      const url = await createQueue(`sns-${name}`, isFifo);
      return topicTarget(topics, await createTopic(name, isFifo, url), { client, url });
    },
  };

  const played = async (kind: keyof typeof targets, dedupe: Dedupe): Promise<Account> => {
    await table.ensure();
    const target = await targets[kind](dedupe, dedupe === "native");
    const run: Run = { ...load, dedupe, target, outage: badDay, factor: factorBesideEngines, store };
    return kept(`${kind}, ${dedupe}, two deaths`, run);
  };

  test.each(["sqs", "sns"] as const)("native: %s FIFO gets each once", async (kind) => {
    const account = await played(kind, "native");
    expectComplete(account, badDay);
    expect(account.duplicates).toBe(0);
  });

  test.each(["sqs", "sns"] as const)("always: %s gets each once", async (kind) => {
    const account = await played(kind, "always");
    expectComplete(account, badDay);
    expect(account.duplicates).toBe(0);
  });

  test.each(["sqs", "sns"] as const)(
    "on-failure: %s gets again no more than what the two invocations had sent",
    async (kind) => {
      const account = await played(kind, "on-failure");
      expectComplete(account, badDay);
      expect(account.duplicates).toBeLessThanOrEqual(200);
    },
  );
});
