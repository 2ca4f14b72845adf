// Tests with a fake queue. A local queue cannot produce these cases: SQS' limits, refused entries, failed requests.

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { queueSource, type SourceQueueClient } from "../src/queue/queue-source.ts";

type Entries = readonly { readonly Id: string; readonly ReceiptHandle: string; readonly VisibilityTimeout?: number }[];

const named = (name: string): Error => Object.assign(new Error(name), { name });

/** SQS' response to a batch request. The entries for which `refuses` returns true failed, and the others succeeded. */
const answering = (entries: Entries, refuses: (entry: Entries[number], index: number) => boolean) => ({
  Successful: entries.filter((entry, index) => !refuses(entry, index)),
  Failed: entries.filter(refuses),
});

/** Creates a fake queue with `count` messages. `replace` overrides operations of the queue's client. */
const scripted = (count: number, replace: Partial<SourceQueueClient> = {}, attributes: Record<string, string> = {}) => {
  const waiting = Array.from({ length: count }, (_, index) => `m${index}`);
  const deleted: string[] = [];
  const hidden: Record<string, number[]> = {};
  const receives: number[] = [];
  const client: SourceQueueClient = {
    getQueueAttributes: async () => ({
      Attributes: { ApproximateNumberOfMessages: String(waiting.length), VisibilityTimeout: "30", ...attributes },
    }),
    receiveMessage: async ({ WaitTimeSeconds, VisibilityTimeout }) => {
      receives.push(WaitTimeSeconds ?? 0);
      const ids = waiting.splice(0, 10);
      for (const id of ids) hidden[id] = [VisibilityTimeout ?? 0];
      return { Messages: ids.map((id) => ({ MessageId: id, Body: `body of ${id}`, ReceiptHandle: `r-${id}` })) };
    },
    deleteMessageBatch: async ({ Entries }) => {
      deleted.push(...Entries.map(({ ReceiptHandle }) => ReceiptHandle.slice(2)));
      return { Successful: Entries };
    },
    changeMessageVisibilityBatch: async ({ Entries }) => {
      for (const { ReceiptHandle, VisibilityTimeout } of Entries)
        hidden[ReceiptHandle.slice(2)]?.push(VisibilityTimeout);
      return { Successful: Entries };
    },
    ...replace,
  };
  return { client, waiting, deleted, hidden, receives };
};

const open = (
  { client }: { readonly client: SourceQueueClient },
  maxHeld?: number,
  queueUrl = "https://q/1/orders",
) => {
  // Messages that are received at once are held equally long.
  let receivedAt: number | undefined;
  const now = (): number => receivedAt ?? Date.now();
  const source = queueSource({ client, queueUrl, now, ...(maxHeld && { maxHeld }) });
  const taken: string[] = [];
  const take = async (signal: AbortSignal = new AbortController().signal) => {
    receivedAt = Date.now();
    const { isFull } = await source.receiveAll(async ({ id }) => void taken.push(id), signal);
    receivedAt = undefined;
    return isFull;
  };
  return { source, taken, take };
};

describe("a queue", () => {
  test("is emptied by concurrent short polls, and counts as empty only after a long poll", async () => {
    const queue = scripted(95);
    const { source, taken, take } = open(queue);
    expect(await take()).toBe(false);
    expect(new Set(taken).size).toBe(95);
    expect(queue.receives.at(-1)).toBe(1);
    await source.close();
    expect(Object.values(queue.hidden).every((times) => times.at(-1) === 0)).toBe(true);
  });

  test.each(["orders", "orders.fifo"])("%s is full at SQS' limit of messages in flight", async (name) => {
    const limit = 120_000;
    const queue = scripted(limit + 5);
    const { source, taken, take } = open(queue, undefined, `https://q/1/${name}`);
    expect(await take()).toBe(true);
    expect(taken).toHaveLength(limit);
    await source.close();
  });

  test("is full when SQS returns OverLimit", async () => {
    let receives = 0;
    const queue = scripted(100);
    const receiveMessage: SourceQueueClient["receiveMessage"] = async (input) => {
      receives += 1;
      if (receives > 3) throw named("OverLimit");
      return queue.client.receiveMessage(input);
    };
    const { source, taken, take } = open({ client: { ...queue.client, receiveMessage } });
    expect(await take()).toBe(true);
    expect(taken).toHaveLength(30);
    await source.close();
  });

  test("gets three long polls if its attributes count messages but it returns none", async () => {
    const queue = scripted(0, {}, { ApproximateNumberOfMessages: "7" });
    const { source, take } = open(queue);
    expect(await take()).toBe(false);
    expect(queue.receives.filter((seconds) => seconds === 1)).toHaveLength(3);
    await source.close();
  });

  test("may return a message twice: the message counts once, and its last receipt handle is used", async () => {
    const queue = scripted(0);
    const answers = [
      ["m", "r-1"],
      ["m", "r-2"],
    ];
    const receiveMessage: SourceQueueClient["receiveMessage"] = async () => {
      const [id, ReceiptHandle] = answers.shift() ?? [];
      return { Messages: id === undefined ? [] : [{ MessageId: id, Body: "x", ReceiptHandle }] };
    };
    const { source, taken, take } = open({ client: { ...queue.client, receiveMessage } });
    await take();
    expect(taken).toEqual(["m"]);
    await source.remove(["m"]);
    expect(queue.deleted).toEqual(["2"]);
    await source.close();
  });

  test("is no longer read after the signal aborts, but received messages are still passed on", async () => {
    const queue = scripted(1_000);
    const stop = new AbortController();
    const source = queueSource({ client: queue.client, queueUrl: "https://q/1/orders", now: Date.now });
    let passed = 0;
    await source.receiveAll(async () => {
      passed += 1;
      if (passed === 5) stop.abort();
    }, stop.signal);
    expect(passed).toBe(1_000 - queue.waiting.length);
    await source.close();
  });

  test("throws the error of the option `failing` if it fails while it is being emptied", async () => {
    const receiveMessage = async () => Promise.reject(named("AccessDenied"));
    const { client } = scripted(5, { receiveMessage });
    const failing = (subject: string) => (error: unknown) => {
      throw new Error(`${subject}: ${(error as Error).name}`);
    };
    const source = queueSource({ client, queueUrl: "https://q/1/orders", now: Date.now, failing });
    const take = source.receiveAll(async () => undefined, new AbortController().signal);
    await expect(take).rejects.toThrow("the queue https://q/1/orders: AccessDenied");
    await source.close();
  });
});

describe("messages", () => {
  test("whose deletion SQS refuses are deleted again, and left after three attempts", async () => {
    const asked: Entries[] = [];
    const queue = scripted(25);
    const deleteMessageBatch: SourceQueueClient["deleteMessageBatch"] = async ({ Entries }) => {
      asked.push(Entries);
      const refuses = (handle: string): boolean => handle === "r-m3" || (handle === "r-m14" && asked.length < 4);
      return answering(Entries, ({ ReceiptHandle }) => refuses(ReceiptHandle));
    };
    const { source, taken, take } = open({ client: { ...queue.client, deleteMessageBatch } });
    await take();
    expect(await source.remove(taken)).toEqual(["m3"]);
    expect(asked.map((entries) => entries.length)).toEqual([10, 10, 5, 2, 1]);
    await source.close();
  });

  test("whose delete request fails are deleted again", async () => {
    let requests = 0;
    const deleteMessageBatch: SourceQueueClient["deleteMessageBatch"] = async ({ Entries }) => {
      requests += 1;
      if (requests === 1) throw named("TimeoutError");
      return { Successful: Entries };
    };
    const { source, taken, take } = open(scripted(4, { deleteMessageBatch }));
    await take();
    expect(await source.remove(taken)).toEqual([]);
    expect(requests).toBe(2);
    await source.close();
  });

  test("that cannot be released are counted", async () => {
    const changeMessageVisibilityBatch: SourceQueueClient["changeMessageVisibilityBatch"] = async ({ Entries }) =>
      answering(Entries, (_, index) => index < 2);
    const { source, take } = open(scripted(15, { changeMessageVisibilityBatch }));
    await take();
    expect(await source.release()).toBe(4);
    await source.close();
  });

  test("whose extension SQS refuses count as expired, but a request that fails is repeated", async () => {
    const renewals: Entries[] = [];
    const queue = scripted(3, {}, { VisibilityTimeout: "1" });
    const changeMessageVisibilityBatch: SourceQueueClient["changeMessageVisibilityBatch"] = async ({ Entries }) => {
      renewals.push(Entries);
      if (renewals.length === 1) throw named("TimeoutError");
      return answering(Entries, ({ ReceiptHandle }) => ReceiptHandle === "r-m1");
    };
    const { source, take } = open({ client: { ...queue.client, changeMessageVisibilityBatch } });
    await take();
    while (renewals.length < 4) await sleep(20);
    expect(renewals.slice(0, 4).map((entries) => entries.length)).toEqual([3, 3, 2, 2]);
    expect(source.expired()).toBe(1);
    await source.close();
  });

  test.each([
    ["0", 30],
    ["45", 45],
    ["43200", 300],
  ])(
    "of a queue with a visibility timeout of %s seconds are hidden for %i seconds",
    async (VisibilityTimeout, held) => {
      const queue = scripted(1, {}, { VisibilityTimeout });
      const { source, take } = open(queue);
      await take();
      expect(queue.hidden.m0).toEqual([held]);
      await source.close();
    },
  );
});
