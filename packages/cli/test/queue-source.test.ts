// What a local queue does not do: limits, refusals, requests that fail.

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { QueueClient } from "../src/message-source/queue-client.ts";
import { queueLetterbox } from "../src/message-source/queue-source.ts";

type Entries = readonly { readonly Id: string; readonly ReceiptHandle: string; readonly VisibilityTimeout?: number }[];

const named = (name: string): Error => Object.assign(new Error(name), { name });

/** A queue with so many messages, whose answers a test replaces. */
const scripted = (count: number, replace: Partial<QueueClient> = {}, attributes: Record<string, string> = {}) => {
  const waiting = Array.from({ length: count }, (_, index) => `m${index}`);
  const deleted: string[] = [];
  const hidden: Record<string, number[]> = {};
  const receives: number[] = [];
  const client: QueueClient = {
    getQueueAttributes: async () => ({
      Attributes: { ApproximateNumberOfMessages: String(waiting.length), VisibilityTimeout: "30", ...attributes },
    }),
    receiveMessage: async ({ WaitTimeSeconds, VisibilityTimeout }) => {
      receives.push(WaitTimeSeconds);
      const ids = waiting.splice(0, 10);
      for (const id of ids) hidden[id] = [VisibilityTimeout];
      return { Messages: ids.map((id) => ({ MessageId: id, Body: `body of ${id}`, ReceiptHandle: `r-${id}` })) };
    },
    deleteMessageBatch: async ({ Entries }) => {
      deleted.push(...Entries.map(({ ReceiptHandle }) => ReceiptHandle.slice(2)));
      return {};
    },
    changeMessageVisibilityBatch: async ({ Entries }) => {
      for (const { ReceiptHandle, VisibilityTimeout } of Entries)
        hidden[ReceiptHandle.slice(2)]?.push(VisibilityTimeout);
      return {};
    },
    ...replace,
  };
  return { client, waiting, deleted, hidden, receives };
};

const open = ({ client }: { readonly client: QueueClient }, mostHeld?: number, queueUrl = "https://q/1/orders") => {
  const letterbox = queueLetterbox({ client, queueUrl, now: Date.now, ...(mostHeld && { mostHeld }) });
  const taken: string[] = [];
  const take = async (signal: AbortSignal = new AbortController().signal) => {
    const { isFull } = await letterbox.takeOut(async ({ id }) => void taken.push(id), signal);
    return isFull;
  };
  return { letterbox, taken, take };
};

describe("a queue", () => {
  test("is emptied by receives at once, and known to be empty only after one that waits", async () => {
    const queue = scripted(95);
    const { letterbox, taken, take } = open(queue);
    expect(await take()).toBe(false);
    expect(new Set(taken).size).toBe(95);
    expect(queue.receives.at(-1)).toBe(1);
    await letterbox.close();
    expect(Object.values(queue.hidden).every((times) => times.at(-1) === 0)).toBe(true);
  });

  test.each(["orders", "orders.fifo"])("%s is full at SQS' limit, and says so", async (name) => {
    const limit = 120_000;
    const queue = scripted(limit + 5);
    const { letterbox, taken, take } = open(queue, undefined, `https://q/1/${name}`);
    expect(await take()).toBe(true);
    expect(taken).toHaveLength(limit);
    await letterbox.close();
  });

  test("is full when SQS says so", async () => {
    let receives = 0;
    const queue = scripted(100);
    const receiveMessage: QueueClient["receiveMessage"] = async (input) => {
      receives += 1;
      if (receives > 3) throw named("OverLimit");
      return queue.client.receiveMessage(input);
    };
    const { letterbox, taken, take } = open({ client: { ...queue.client, receiveMessage } });
    expect(await take()).toBe(true);
    expect(taken).toHaveLength(30);
    await letterbox.close();
  });

  test("that says that messages wait, and brings none, is asked three times and no more", async () => {
    const queue = scripted(0, {}, { ApproximateNumberOfMessages: "7" });
    const { letterbox, take } = open(queue);
    expect(await take()).toBe(false);
    expect(queue.receives.filter((seconds) => seconds === 1)).toHaveLength(3);
    await letterbox.close();
  });

  test("brings a message twice: it is one, and its last receipt handle counts", async () => {
    const queue = scripted(0);
    const answers = [
      ["m", "r-1"],
      ["m", "r-2"],
    ];
    const receiveMessage: QueueClient["receiveMessage"] = async () => {
      const [id, ReceiptHandle] = answers.shift() ?? [];
      return { Messages: id === undefined ? [] : [{ MessageId: id, Body: "x", ReceiptHandle }] };
    };
    const { letterbox, taken, take } = open({ client: { ...queue.client, receiveMessage } });
    await take();
    expect(taken).toEqual(["m"]);
    await letterbox.remove(["m"]);
    expect(queue.deleted).toEqual(["2"]);
    await letterbox.close();
  });

  test("stops when it is asked to, with all that had come passed on", async () => {
    const queue = scripted(1_000);
    const stop = new AbortController();
    const letterbox = queueLetterbox({ client: queue.client, queueUrl: "https://q/1/orders", now: Date.now });
    let passed = 0;
    await letterbox.takeOut(async () => {
      passed += 1;
      if (passed === 5) stop.abort();
    }, stop.signal);
    expect(passed).toBe(1_000 - queue.waiting.length);
    await letterbox.close();
  });

  test("that fails while it is emptied is told in one line", async () => {
    const receiveMessage = async () => Promise.reject(named("AccessDenied"));
    const { letterbox, take } = open(scripted(5, { receiveMessage }));
    await expect(take()).rejects.toThrow(
      "the queue https://q/1/orders: AccessDenied: AccessDenied; expected permission",
    );
    await letterbox.close();
  });
});

describe("messages", () => {
  test("that SQS refuses to delete are asked for again, and told when it stays with its refusal", async () => {
    const asked: Entries[] = [];
    const queue = scripted(25);
    const deleteMessageBatch: QueueClient["deleteMessageBatch"] = async ({ Entries }) => {
      asked.push(Entries);
      const refuses = (handle: string): boolean => handle === "r-m3" || (handle === "r-m14" && asked.length < 4);
      return { Failed: Entries.filter(({ ReceiptHandle }) => refuses(ReceiptHandle)).map(({ Id }) => ({ Id })) };
    };
    const { letterbox, taken, take } = open({ client: { ...queue.client, deleteMessageBatch } });
    await take();
    expect(await letterbox.remove(taken)).toEqual(["m3"]);
    expect(asked.map((entries) => entries.length)).toEqual([10, 10, 5, 2, 1]);
    await letterbox.close();
  });

  test("whose request of deletion fails are asked for again", async () => {
    let requests = 0;
    const deleteMessageBatch = async () => {
      requests += 1;
      if (requests === 1) throw named("TimeoutError");
      return {};
    };
    const { letterbox, taken, take } = open(scripted(4, { deleteMessageBatch }));
    await take();
    expect(await letterbox.remove(taken)).toEqual([]);
    expect(requests).toBe(2);
    await letterbox.close();
  });

  test("that cannot be put back are counted", async () => {
    const changeMessageVisibilityBatch: QueueClient["changeMessageVisibilityBatch"] = async ({ Entries }) => ({
      Failed: Entries.slice(0, 2).map(({ Id }) => ({ Id })),
    });
    const { letterbox, take } = open(scripted(15, { changeMessageVisibilityBatch }));
    await take();
    expect(await letterbox.putBack()).toBe(4);
    await letterbox.close();
  });

  test("that SQS does not hold any longer are told, and no more renewed; a request that fails is repeated", async () => {
    const renewals: Entries[] = [];
    const queue = scripted(3, {}, { VisibilityTimeout: "1" });
    const changeMessageVisibilityBatch: QueueClient["changeMessageVisibilityBatch"] = async ({ Entries }) => {
      renewals.push(Entries);
      if (renewals.length === 1) throw named("TimeoutError");
      return { Failed: Entries.filter(({ ReceiptHandle }) => ReceiptHandle === "r-m1").map(({ Id }) => ({ Id })) };
    };
    const { letterbox, take } = open({ client: { ...queue.client, changeMessageVisibilityBatch } });
    await take();
    while (renewals.length < 4) await sleep(20);
    expect(renewals.slice(0, 4).map((entries) => entries.length)).toEqual([3, 3, 2, 2]);
    expect(letterbox.lapsed()).toBe(1);
    await letterbox.close();
  });

  test.each([
    ["0", 30],
    ["45", 45],
    ["43200", 300],
  ])("of a queue with a visibility timeout of %s seconds are held for %i", async (VisibilityTimeout, held) => {
    const queue = scripted(1, {}, { VisibilityTimeout });
    const { letterbox, take } = open(queue);
    await take();
    expect(queue.hidden.m0).toEqual([held]);
    await letterbox.close();
  });
});
