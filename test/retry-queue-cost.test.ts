// Checks the costs of an hour's outage in docs/costs.md. A simulation with core's delays finds out how often a message
// is received on average. The test multiplies this number by the prices.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { sqsRetryQueue } from "@sluice/core";
import type { SqsSender } from "@sluice/core/envelope";
import { randomOf } from "./convergence/random.ts";
import { root } from "./markdown.ts";

const outageSeconds = 3_600;
const changesPerSecond = 1_000;
/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html (read 2026-11-25) */
const mostInFlight = 120_000;
/** Scale of the simulation: this fraction of the changes per second, and of the messages that may be in flight. */
const scale = 1 / 200;

const firstDelaySeconds = 5;

/** Creates a function that returns core's delays in seconds, given the age of each message in seconds. */
const delays = () => {
  const asked: number[] = [];
  const client = {
    sendMessageBatch: async () => ({}),
    deleteMessageBatch: async () => ({}),
    changeMessageVisibilityBatch: async ({
      Entries,
    }: {
      readonly Entries: { Id: string; VisibilityTimeout: number }[];
    }) => {
      asked.push(...Entries.map(({ VisibilityTimeout }) => VisibilityTimeout));
      return { Successful: Entries };
    },
  };
  const queue = sqsRetryQueue({ queueUrl: "https://sqs.us-east-1.amazonaws.com/1/retry", client: client as SqsSender });
  return async (ages: readonly number[], random: () => number): Promise<readonly number[]> => {
    asked.length = 0;
    await queue.postpone(
      ages.map((age, index) => ({ receiptHandle: String(index), ageMs: age * 1_000, isOutage: true })),
      random,
    );
    return asked;
  };
};

/** Removes and returns up to `most` random messages. They are random, because a standard queue has no order. */
const takeAny = (waiting: number[], most: number, random: () => number): number[] => {
  const taken: number[] = [];
  while (waiting.length > 0 && taken.length < most) {
    const index = Math.floor(random() * waiting.length);
    taken.push(waiting[index] as number);
    waiting[index] = waiting.at(-1) as number;
    waiting.pop();
  }
  return taken;
};

/**
 * Returns how often a message is received on average until it succeeds. At most `mostHidden` messages are hidden.
 * A waiting message is the second in which its delivery first failed.
 */
const receivesOf = async (mostHidden: number, random: () => number): Promise<number> => {
  const delaysOf = delays();
  const perSecond = changesPerSecond * scale;
  const waiting: number[] = [];
  const comesBack = new Map<number, number[]>();
  let [hidden, failed] = [0, 0];
  for (let second = 0; second < outageSeconds; second += 1) {
    const back = comesBack.get(second) ?? [];
    hidden -= back.length;
    waiting.push(...back);
    const failedAt = second - firstDelaySeconds;
    if (failedAt >= 0) waiting.push(...Array.from({ length: perSecond }, () => failedAt));
    const received = takeAny(waiting, mostHidden - hidden, random);
    const seconds = await delaysOf(
      received.map((firstFailedAt) => second - firstFailedAt),
      random,
    );
    received.forEach((firstFailedAt, index) => {
      const at = second + (seconds[index] as number);
      comesBack.set(at, [...(comesBack.get(at) ?? []), firstFailedAt]);
    });
    hidden += received.length;
    failed += received.length;
  }
  return failed / (perSecond * outageSeconds) + 1;
};

/** Prices in US dollars for us-east-1. @see aws.amazon.com/sqs, /lambda, /dynamodb: pricing (read 2026-11-25) */
const price = {
  standard: 0.4 / 1e6,
  fifo: 0.5 / 1e6,
  invocation: 0.2 / 1e6,
  gigabyteSecond: 0.0000133334,
  read: 0.125 / 1e6,
  write: 0.625 / 1e6,
};

const changes = outageSeconds * changesPerSecond;

/** How often a message is received: if SQS hides at most 120,000 messages, and if SQS hides all messages. */
const usualReceives = 2.7;
const allHiddenReceives = 29;

const lambdaDollars = (invocations: number, seconds: number): number =>
  invocations * (price.invocation + 0.5 * seconds * price.gigabyteSecond);

/**
 * Returns the requests, and the dollars for a standard and a FIFO queue, if a message is received `receives` times.
 */
const costOf = (receives: number) => {
  const [sends, received, postponed] = [changes / 10, (changes * receives) / 10, (changes * (receives - 1)) / 10];
  const sqs = (requests: number) => [requests, requests * price.standard, requests * price.fifo];
  const [standard, fifo] = [(changes * receives) / 100, (changes * receives) / 10];
  return {
    SendMessageBatch: sqs(sends),
    ReceiveMessage: sqs(received),
    ChangeMessageVisibilityBatch: sqs(postponed),
    DeleteMessageBatch: sqs(sends),
    Lambda: [standard, lambdaDollars(standard, 0.05), lambdaDollars(fifo, 0.03)],
    "pending items": [changes * 3, 0, changes * (2 * price.write + price.read)],
  };
};

const page = readFileSync(join(root, "docs/costs.md"), "utf8");
const section = page.slice(page.indexOf("## What an outage costs"), page.indexOf("Without a retry queue"));
const prose = section.replaceAll("\n", " ");

const numbersIn = (cell: string): number[] =>
  [...cell.matchAll(/\$?(\d[\d,]*(?:\.\d+)?)/g)].map(([, text = ""]) => Number(text.replaceAll(",", "")));

test("the page lists the prices from which its costs are computed", () => {
  const dollars = (perMillion: number): string => `$${Number((perMillion * 1e6).toPrecision(12))}`;
  const rows = page.split("\n").map((line) => line.replaceAll(/(\.\d*?)0+(?=\D)/g, "$1"));
  const priceIn = (start: string): string | undefined =>
    rows
      .find((row) => row.startsWith(`| ${start}`))
      ?.split("|")[2]
      ?.trim();
  expect(priceIn("Lambda, a million requests")).toBe(dollars(price.invocation));
  expect(priceIn("Lambda, a GB-second")).toBe(`$${price.gigabyteSecond}`);
  expect(priceIn("DynamoDB on demand, a million writes")).toBe(dollars(price.write));
  expect(priceIn("DynamoDB on demand, a million consistent reads")).toBe(dollars(price.read));
  expect(priceIn("SQS, a million requests")).toBe(`${dollars(price.standard)}, ${dollars(price.fifo)}`);
});

/** Returns the numbers in the row `name`: requests, dollars for a standard queue, dollars for a FIFO queue. */
const rowOf = (name: string): number[] => {
  const row = section.split("\n").find((line) => line.startsWith(`| ${name}`) || line.startsWith(`| \`${name}`)) ?? "";
  const [, , requests = "", standard = "", fifo = ""] = row.split("|");
  return [numbersIn(requests)[0] ?? 0, numbersIn(standard)[0] ?? 0, numbersIn(fifo)[0] ?? 0];
};

test("a message is received as often as the documentation says", async () => {
  const { integer } = randomOf(1);
  const random = (): number => integer(1_000_000) / 1_000_000;
  const within = await receivesOf(mostInFlight * scale, random);
  const without = await receivesOf(Number.POSITIVE_INFINITY, random);
  expect(within).toBeCloseTo(usualReceives, 1);
  expect(Math.round(without)).toBe(allHiddenReceives);
  expect(prose).toContain("A message is received 2.7 times on average");
  expect(prose).toContain("received 29 times");
});

test("the table has the requests and dollars of each row, and their sums", () => {
  const cost = costOf(usualReceives);
  for (const [name, [requests = 0, standard = 0, fifo = 0]] of Object.entries(cost)) {
    const [inTable, ...dollars] = rowOf(name);
    expect({ name, requests: inTable }).toEqual({ name, requests: Math.round(requests) });
    expect({ name, dollars }).toEqual({ name, dollars: [standard, fifo].map((value) => Number(value.toFixed(3))) });
  }
  const sums = (receives: number) =>
    [1, 2].map((column) => Object.values(costOf(receives)).reduce((sum, row) => sum + (row[column] ?? 0), 0));
  expect(rowOf("**in all**").slice(1)).toEqual(sums(usualReceives).map((sum) => Number(sum.toFixed(2))));
  const [standard = 0, fifo = 0] = sums(allHiddenReceives);
  expect(prose).toContain(`$${standard.toFixed(2)} and $${fifo.toFixed(2)}`);
  const few = mostInFlight / changes;
  expect(prose).toContain(`$${(standard * few).toFixed(2)} and $${(fifo * few).toFixed(2)}`);
});

test("the page has the costs of probes", () => {
  // An open circuit waits for 2.5 to 5 s. A probe in an invocation of the retry queue takes at most routeTimeoutMs, 10 s.
  const openSeconds = (2.5 + 5) / 2;
  const share = 10 / (10 + openSeconds);
  expect(prose).toContain(`at most $${lambdaDollars(1, outageSeconds * share).toFixed(3)} an hour`);
  expect(prose).toContain(`about ${Math.round(outageSeconds / openSeconds)} requests an hour`);
});
