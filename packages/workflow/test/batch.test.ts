import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { PayloadStore } from "@sluice/core/envelope";
import { streamRecord } from "@sluice/testing";
import { batchHandler, type LambdaClient, type RedriveQueueClient } from "../src/index.ts";
import { bodyFor, envelopeOf, orderRecord } from "./dead-letters.ts";
import { queueUrl, startMs } from "./memory-queue.ts";
import { functionError, invoking, payloadOf, rig } from "./rig.ts";

const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const deadLetters = (count: number): string[] => numbersTo(count).map((n) => bodyFor(orderRecord(`o-${n}`, n)));
const bad = (n: number): string => bodyFor(orderRecord(`p-${n}`, n, { bad: true }));

const throttledError = (): Error => Object.assign(new Error("Rate exceeded"), { name: "TooManyRequestsException" });

describe("a run", () => {
  test("drains the queue, so that every dead letter is delivered and then deleted", async () => {
    const { queue, target, run, requests } = rig();
    queue.send(...deadLetters(250));
    const progress = await run();
    expect(progress).toMatchObject({ next: "done", batches: 1, left: {}, notDeleted: 0, attempted: "" });
    expect(progress.counts).toMatchObject({ received: 250, delivered: 250, left: 0 });
    expect(target.items().size).toBe(250);
    expect(queue.bodies()).toEqual([]);
    expect(requests).toEqual([100, 100, 50]);
  });

  test("of an empty queue is done after two empty receives", async () => {
    const { queue, run } = rig();
    expect(await run()).toMatchObject({ next: "done", counts: { received: 0 } });
    expect(queue.calls).toEqual({ receiveMessage: 2 });
  });

  test("counts an outdated dead letter as superseded, and deletes it", async () => {
    const { queue, handler, run, target } = rig();
    await handler({ Records: [orderRecord("o-1", 5, { total: 9 })] });
    queue.send(bodyFor(orderRecord("o-1", 1)));
    expect((await run()).counts).toMatchObject({ received: 1, superseded: 1 });
    expect([...target.items().values()]).toEqual([{ id: "o-1", total: 9 }]);
    expect(queue.bodies()).toEqual([]);
  });

  test("leaves messages that fail again, counts them by sink and code, and attempts them once", async () => {
    const { queue, run, requests, lines } = rig();
    queue.send(bad(1), ...deadLetters(3), bad(2), bodyFor(orderRecord("x"), { sink: "gone" }));
    const progress = await run();
    expect(progress.counts).toMatchObject({ received: 6, delivered: 3, left: 3 });
    expect(progress.left).toEqual({ copy: { MAPPING_FAILED: 2 }, gone: { RECORD_UNROUTED: 1 } });
    expect(queue.bodies()).toHaveLength(3);
    // The first request asks for the routes. Each route has requests of its own.
    expect(requests).toEqual([0, 5, 1]);
    expect(lines.filter(({ message }) => message === "dead letter left in its queue")).toHaveLength(3);
    expect(JSON.stringify(lines)).not.toContain("total");
  });

  test("releases the messages that it leaves as soon as it ends", async () => {
    const { queue, run } = rig();
    queue.send(bad(1));
    await run();
    expect(queue.visible()).toBe(1);
  });

  test("does not attempt a message again that a later batch of the run receives", async () => {
    const { queue, run, requests } = rig({ timeoutMs: 70_000, chunkSize: 10 });
    queue.send(...numbersTo(150).map(bad));
    // At one message per second, the first messages become visible again before the run has received the last messages.
    const progress = await run({ ratePerSecond: 1 });
    expect(progress).toMatchObject({ next: "done", counts: { received: 150, left: 150 } });
    expect(requests.reduce((sum, size) => sum + size, 0)).toBe(150);
    expect(queue.calls.receiveMessage).toBeGreaterThan(160);
  });

  test("does not attempt messages that were sent after its start, and ends", async () => {
    const { queue, run, requests } = rig();
    queue.send(...deadLetters(2));
    queue.advance(2_000);
    queue.send(...numbersTo(300).map(bad));
    expect(await run()).toMatchObject({ next: "done", counts: { received: 2, delivered: 2 } });
    expect(requests).toEqual([2]);
    expect(queue.visible()).toBe(300);
  });

  test("ends even if new messages arrive all the time", async () => {
    const one = rig();
    one.queue.send(...deadLetters(2));
    const { receiveMessage } = one.queue.client;
    let calls = 0;
    Object.assign(one.queue.client, {
      receiveMessage: (input: Parameters<typeof receiveMessage>[0]) => {
        calls += 1;
        if (calls > 1_000) throw new Error("endless");
        one.queue.advance(1_000);
        if (calls > 1) one.queue.send(...deadLetters(10));
        return receiveMessage(input);
      },
    });
    expect(await one.run()).toMatchObject({ next: "done", counts: { received: 2, delivered: 2 } });
  });

  test("ends when too many messages are left", async () => {
    const { queue, run } = rig({ chunkSize: 10 });
    queue.send(...numbersTo(50).map(bad), ...deadLetters(50));
    const progress = await run({ maxFailures: 20 });
    expect(progress).toMatchObject({ next: "stopped", reason: "failures", counts: { received: 20, left: 20 } });
    expect(queue.visible()).toBe(100);
  });

  test("ends after exactly maxMessages messages", async () => {
    const { queue, run } = rig();
    queue.send(...deadLetters(250));
    const progress = await run({ maxMessages: 103 });
    expect(progress).toMatchObject({ next: "stopped", reason: "messages", counts: { received: 103, delivered: 103 } });
    expect(queue.visible()).toBe(147);
  });

  test("does not start a chunk for which its invocation has no time", async () => {
    const invoke: LambdaClient["invoke"] = async (input) => {
      slow.queue.advance(50_000);
      return invoking(slow.handler)(input);
    };
    const slow = rig({ invoke, chunkSize: 1, timeoutMs: 130_000 });
    slow.queue.send(...deadLetters(3));
    const first = await slow.batch();
    expect(first).toMatchObject({ next: "more", counts: { received: 2, delivered: 2 } });
    expect(await slow.batch({ progress: first })).toMatchObject({ batches: 2, counts: { received: 3, delivered: 3 } });
  });

  test("sends dead letters in the order in which they were sent to the queue", async () => {
    const seen: string[] = [];
    const invoke: LambdaClient["invoke"] = async (input) => {
      seen.push(...JSON.parse(input.Payload).Records.map(({ messageId }: { messageId: string }) => messageId));
      return invoking(one.handler)(input);
    };
    const one = rig({ invoke, chunkSize: 3 });
    for (const body of deadLetters(3)) {
      one.queue.send(body);
      one.queue.advance(10);
    }
    const { receiveMessage } = one.queue.client;
    const shuffled: RedriveQueueClient["receiveMessage"] = async (input) => {
      const { Messages = [] } = await receiveMessage(input);
      return { Messages: [...Messages].reverse() };
    };
    Object.assign(one.queue.client, { receiveMessage: shuffled });
    await one.run();
    expect(seen).toEqual(["message-1", "message-2", "message-3"]);
  });
});

describe("the changes of an item", () => {
  const change = (position: number): string => bodyFor(orderRecord("o-1", position, { position }));
  const idsIn = (payload: string): string[] =>
    JSON.parse(payload).Records.map(({ messageId }: { messageId: string }) => messageId);

  test("are sent in the order of versions, whatever the order of their dead letters", async () => {
    const seen: string[] = [];
    const invoke: LambdaClient["invoke"] = async (input) => {
      seen.push(...idsIn(input.Payload));
      return invoking(one.handler)(input);
    };
    const one = rig({ invoke });
    one.queue.send(change(3), change(1), change(2));
    await one.run();
    expect(seen).toEqual(["message-2", "message-3", "message-1"]);
  });

  test("are left while an earlier change must be retried, but other items are sent", async () => {
    const seen: string[] = [];
    const invoke: LambdaClient["invoke"] = async ({ Payload }) => {
      const ids = idsIn(Payload);
      seen.push(...ids);
      const outcomes = ids.map((itemIdentifier) =>
        itemIdentifier === "message-1"
          ? { itemIdentifier, outcome: "retried", code: "SINK_THROTTLED" }
          : { itemIdentifier, outcome: "delivered" },
      );
      return { Payload: payloadOf({ batchItemFailures: [{ itemIdentifier: "message-1" }], outcomes }) };
    };
    const one = rig({ invoke, chunkSize: 1 });
    one.queue.send(change(1), change(2), bodyFor(orderRecord("o-2", 3)));
    expect(await one.run()).toMatchObject({
      counts: { received: 3, delivered: 1, left: 2 },
      left: { copy: { SINK_THROTTLED: 1, EARLIER_CHANGE_FAILED: 1 } },
    });
    expect(seen).toEqual(["message-1", "message-3"]);
    expect(one.queue.bodies()).toEqual([change(1), change(2)]);
  });
});

describe("a message that the handler had no time for", () => {
  test("is sent again, in a smaller request", async () => {
    const sizes: number[] = [];
    const invoke: LambdaClient["invoke"] = async ({ Payload }) => {
      const ids: string[] = JSON.parse(Payload).Records.map(({ messageId }: { messageId: string }) => messageId);
      sizes.push(ids.length);
      const outcomes = ids.map((itemIdentifier, index) =>
        index < 2
          ? { itemIdentifier, outcome: "delivered" }
          : { itemIdentifier, outcome: "retried", code: "DEADLINE_EXCEEDED" },
      );
      const batchItemFailures = ids.slice(2).map((itemIdentifier) => ({ itemIdentifier }));
      return { Payload: payloadOf({ batchItemFailures, outcomes }) };
    };
    const one = rig({ invoke });
    one.queue.send(...deadLetters(5));
    expect((await one.run()).counts).toMatchObject({ received: 5, delivered: 5 });
    expect(sizes).toEqual([5, 2, 1]);
  });
});

describe("the rate", () => {
  test("is kept over the whole run", async () => {
    const { queue, run, requests } = rig({ timeoutMs: 120_000 });
    queue.send(...deadLetters(95));
    const startedAt = queue.now();
    await run({ ratePerSecond: 10 });
    expect(requests).toEqual([...Array(9).fill(10), 5]);
    // At 10 messages per second, 95 messages take 9.5 seconds. At the end, two empty receives take five seconds each.
    expect(queue.now() - startedAt).toBeGreaterThanOrEqual(9_500);
    expect(queue.now() - startedAt).toBeLessThan(21_000);
  });

  test("is unlimited by default", async () => {
    const { queue, run } = rig({ pollSeconds: 0 });
    queue.send(...deadLetters(95));
    const startedAt = queue.now();
    await run();
    expect(queue.now()).toBe(startedAt);
  });
});

describe("a pipeline's function that fails", () => {
  test("because of one message does not hold back other messages", async () => {
    const invoke: LambdaClient["invoke"] = (input) =>
      input.Payload.includes("o-37")
        ? Promise.resolve(functionError("Runtime.ExitError"))
        : invoking(one.handler)(input);
    const one = rig({ invoke });
    one.queue.send(...deadLetters(100));
    const progress = await one.run();
    expect(progress).toMatchObject({ next: "done", counts: { received: 100, delivered: 99, left: 1 } });
    expect(progress.left).toEqual({ copy: { FUNCTION_FAILED: 1 } });
    expect(one.queue.bodies()).toEqual([bodyFor(orderRecord("o-37", 37))]);
    expect(one.requests.length).toBeLessThan(20);
  });

  test("because of a few messages does not count as broken", async () => {
    const deadly = ["o-5", "o-25", "o-45", "o-65", "o-85"].map((id) => `{\\"S\\":\\"${id}\\"}`);
    const invoke: LambdaClient["invoke"] = (input) =>
      deadly.some((key) => input.Payload.includes(key))
        ? Promise.resolve(functionError("Runtime.ExitError"))
        : invoking(one.handler)(input);
    const one = rig({ invoke });
    one.queue.send(...deadLetters(100));
    expect((await one.run()).counts).toMatchObject({ received: 100, delivered: 95, left: 5 });
  });

  test("sixteen times in a row ends the run, which reports its earlier counts", async () => {
    let isBroken = false;
    const invoke: LambdaClient["invoke"] = async (input) => {
      if (isBroken) return functionError("Runtime.ImportModuleError");
      isBroken = true;
      return invoking(one.handler)(input);
    };
    const one = rig({ invoke });
    one.queue.send(...deadLetters(250));
    const progress = await one.run();
    expect(progress).toMatchObject({ next: "stopped", reason: "pipeline" });
    expect(progress.counts.delivered).toBe(100);
    expect(one.requests).toHaveLength(17);
    expect(one.queue.visible()).toBe(150);
  });

  test("that is throttled from the start fails the batch, and its messages are released", async () => {
    const one = rig({ invoke: () => Promise.reject(throttledError()) });
    one.queue.send(...deadLetters(5));
    await expect(one.batch()).rejects.toMatchObject({ name: "RedriveThrottledError", code: "REDRIVE_THROTTLED" });
    expect(one.queue.visible()).toBe(5);
  });

  test("that is throttled later ends the batch with its counts, so that no count is lost", async () => {
    let calls = 0;
    const invoke: LambdaClient["invoke"] = (input) => {
      calls += 1;
      return calls === 2 ? Promise.reject(throttledError()) : invoking(one.handler)(input);
    };
    const one = rig({ invoke });
    one.queue.send(...deadLetters(150));
    const first = await one.batch();
    expect(first).toMatchObject({ next: "more", counts: { received: 100, delivered: 100 } });
    expect(await one.batch({ progress: first })).toMatchObject({ next: "done", counts: { received: 150 } });
  });

  test.each([
    ["AccessDeniedException", "REDRIVE_INTERRUPTED"],
    ["ResourceNotFoundException", "REDRIVE_INTERRUPTED"],
    ["ServiceException", "REDRIVE_INTERRUPTED"],
    ["EC2ThrottledException", "REDRIVE_THROTTLED"],
  ])("with %s is %s", async (name, code) => {
    const one = rig({ invoke: () => Promise.reject(Object.assign(new Error("no"), { name })) });
    one.queue.send(...deadLetters(1));
    await expect(one.batch()).rejects.toMatchObject({ code });
    expect(one.queue.visible()).toBe(1);
  });

  test("to answer in time may still be running, so that its messages stay hidden until its timeout", async () => {
    const invoke = () => Promise.reject(Object.assign(new Error("aborted"), { name: "AbortError" }));
    const one = rig({ invoke, timeoutMs: 60_000 });
    one.queue.send(...deadLetters(2));
    await expect(one.batch()).rejects.toMatchObject({ code: "REDRIVE_INTERRUPTED" });
    expect(one.queue.visible()).toBe(0);
    one.queue.advance(90_000);
    expect(one.queue.visible()).toBe(2);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["the response of an older pipeline", { batchItemFailures: [] }],
    ["a text", "ok"],
  ])("with a response that is not a pipeline's (%s) causes no deletion", async (_name, answer) => {
    const one = rig({ invoke: async () => ({ Payload: payloadOf(answer) }) });
    one.queue.send(...deadLetters(2));
    await expect(one.batch()).rejects.toMatchObject({ code: "REDRIVE_INTERRUPTED" });
    expect(one.queue.bodies()).toHaveLength(2);
  });

  test("to name a message in its response leaves this message", async () => {
    const outcomes = [{ itemIdentifier: "message-1", outcome: "delivered" }];
    const one = rig({ invoke: async () => ({ Payload: payloadOf({ batchItemFailures: [], outcomes }) }) });
    one.queue.send(...deadLetters(2));
    expect(await one.run()).toMatchObject({ counts: { delivered: 1, left: 1 }, left: { copy: { UNANSWERED: 1 } } });
    expect(one.queue.bodies()).toHaveLength(1);
  });

  test("gets requests that Lambda accepts", async () => {
    const sizes: number[] = [];
    const invoke: LambdaClient["invoke"] = (input) => {
      sizes.push(Buffer.byteLength(input.Payload));
      return invoking(one.handler)(input);
    };
    const one = rig({ invoke });
    one.queue.send(...numbersTo(12).map((n) => bodyFor(orderRecord(`o-${n}`, n, { text: '"'.repeat(250_000) }))));
    expect((await one.run()).counts).toMatchObject({ received: 12, delivered: 12 });
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(6_000_000);
  });
});

describe("a message that is not an envelope of the pipeline", () => {
  test("is sent to the pipeline, and counts as moved if the pipeline stored its records, or else as left", async () => {
    const outcomes = [
      { itemIdentifier: "message-1", outcome: "rejected", code: "RECORD_LOST" },
      { itemIdentifier: "message-2", outcome: "retried", code: "SINK_UNAVAILABLE" },
      { itemIdentifier: "message-3", outcome: "retried", code: "RECORD_MALFORMED" },
    ];
    const batchItemFailures = [{ itemIdentifier: "message-3" }];
    const one = rig({ invoke: async () => ({ Payload: payloadOf({ batchItemFailures, outcomes }) }) });
    one.queue.send("{}", "[]", "x");
    expect(await one.run()).toMatchObject({
      counts: { received: 3, moved: 2, left: 1 },
      left: { "-": { RECORD_MALFORMED: 1 } },
    });
    expect(one.queue.bodies()).toEqual(["x"]);
  });
});

describe("a message that cannot be deleted", () => {
  test("is counted, and not sent again in the same run", async () => {
    const one = rig();
    one.queue.send(...deadLetters(3));
    Object.assign(one.queue.client, {
      deleteMessageBatch: async () => Promise.reject(Object.assign(new Error("no"), { name: "AccessDenied" })),
    });
    expect(await one.run()).toMatchObject({ next: "done", notDeleted: 3, counts: { delivered: 3, left: 0 } });
    expect(one.requests).toEqual([3]);
    expect(one.queue.visible()).toBe(3);
    expect(one.lines.map(({ message }) => message)).toContain("messages could not be deleted, and are received again");
  });
});

describe("a record that is stored elsewhere", () => {
  const record = orderRecord("o-1");
  const recordUrl = "s3://bucket/sluice/records/1.json.gz";
  const withRecordUrl = (sink = "copy"): string =>
    JSON.stringify({ ...envelopeOf(record, { sink }), record: undefined, recordUrl });

  const store = () => {
    const kept = new Map([[recordUrl, gzipSync(JSON.stringify(record))]]);
    const steps: string[] = [];
    const payloadStore: PayloadStore = {
      put: () => Promise.reject(new Error("not asked for")),
      get: async (url) => kept.get(url) ?? Promise.reject(new Error("gone")),
      remove: async (url) => {
        steps.push("object removed");
        kept.delete(url);
      },
    };
    return { kept, steps, payloadStore };
  };

  const delivering: LambdaClient["invoke"] = async ({ Payload }) => {
    const outcomes = JSON.parse(Payload).Records.map(({ messageId }: { messageId: string }) => ({
      itemIdentifier: messageId,
      outcome: "delivered",
    }));
    return { Payload: payloadOf({ batchItemFailures: [], outcomes }) };
  };

  test("is removed after its message", async () => {
    const { payloadStore, kept, steps } = store();
    const one = rig({ payloadStore, invoke: delivering });
    const { deleteMessageBatch } = one.queue.client;
    Object.assign(one.queue.client, {
      deleteMessageBatch: (input: Parameters<typeof deleteMessageBatch>[0]) => {
        steps.push("message deleted");
        return deleteMessageBatch(input);
      },
    });
    one.queue.send(withRecordUrl());
    await one.run();
    expect(steps).toEqual(["message deleted", "object removed"]);
    expect(kept.size).toBe(0);
  });

  test("stays while its message stays", async () => {
    const { payloadStore, kept } = store();
    const one = rig({ payloadStore });
    one.queue.send(withRecordUrl("gone"));
    expect((await one.run()).counts).toMatchObject({ left: 1 });
    expect(kept.size).toBe(1);
  });

  test("stays when the message could not be deleted", async () => {
    const { payloadStore, kept } = store();
    const one = rig({ payloadStore, invoke: delivering });
    one.queue.send(withRecordUrl());
    Object.assign(one.queue.client, {
      deleteMessageBatch: async () => ({ Failed: [{ Id: "0", Code: "InternalError" }] }),
    });
    expect(await one.run()).toMatchObject({ notDeleted: 1 });
    expect(kept.size).toBe(1);
  });

  test("that cannot be removed does not affect the run", async () => {
    const { payloadStore } = store();
    const remove = () => Promise.reject(new Error("denied"));
    const one = rig({ payloadStore: { ...payloadStore, remove }, invoke: delivering });
    one.queue.send(withRecordUrl());
    expect(await one.run()).toMatchObject({ next: "done", counts: { delivered: 1 } });
    expect(one.lines.map(({ message }) => message)).toContain("a message's record could not be removed");
  });

  test("is fetched for the fix", async () => {
    const { payloadStore } = store();
    const seen: unknown[] = [];
    const fix = ({ record: fetched, recordUrl: url }: { record: unknown; recordUrl?: string }) => {
      seen.push(fetched, url);
      return undefined;
    };
    const one = rig({ payloadStore, fix, invoke: delivering });
    one.queue.send(withRecordUrl());
    await one.run();
    expect(seen).toEqual([record, recordUrl]);
  });

  test("that the fix needs and that cannot be fetched leaves the message", async () => {
    const one = rig({ fix: () => "drop" });
    one.queue.send(withRecordUrl());
    expect((await one.run()).left).toEqual({ copy: { RECORD_MALFORMED: 1 } });
  });
});

describe("the fix", () => {
  const mended = streamRecord({ keyNames: ["id"], after: { id: "p-1", bad: false } });

  test("changes the record that is sent, but not the message", async () => {
    const one = rig({
      fix: ({ record }) => ({
        record: {
          ...record,
          dynamodb: { ...record.dynamodb, NewImage: { id: { S: "p-1" }, bad: { BOOL: false } } },
        },
      }),
    });
    one.queue.send(bad(1));
    expect((await one.run()).counts).toMatchObject({ delivered: 1 });
    expect([...one.target.items().values()]).toEqual([{ id: "p-1", bad: false }]);
  });

  test("may return binary attributes", async () => {
    const blob = new Uint8Array([1, 2, 3]);
    const one = rig({
      fix: ({ record }) => {
        const NewImage = { id: { S: "o-1" }, blob: { B: blob }, blobs: { BS: [Buffer.from(blob)] } };
        return { record: { ...record, dynamodb: { ...record.dynamodb, NewImage } } };
      },
    });
    one.queue.send(...deadLetters(1));
    await one.run();
    expect(JSON.stringify([...one.target.items().values()])).toBe('[{"id":"o-1","blob":"AQID","blobs":["AQID"]}]');
  });

  test("that returns the envelope itself changes nothing", async () => {
    const one = rig({ fix: (envelope) => envelope });
    one.queue.send(...deadLetters(1));
    expect((await one.run()).counts).toMatchObject({ delivered: 1 });
  });

  test.each([undefined, null])("that returns %s changes nothing", async (answer) => {
    const one = rig({ fix: () => answer });
    one.queue.send(...deadLetters(1));
    expect((await one.run()).counts).toMatchObject({ delivered: 1 });
  });

  test("can drop a dead letter, whose message is logged and deleted without being sent", async () => {
    const one = rig({ fix: ({ code }) => (code === "SINK_REJECTED" ? "drop" : undefined) });
    one.queue.send(bad(1), bodyFor(orderRecord("o-2", 2), { code: "SINK_GONE" }));
    expect((await one.run()).counts).toMatchObject({ received: 2, dropped: 1, delivered: 1 });
    expect(one.queue.bodies()).toEqual([]);
    expect(one.requests).toEqual([1]);
    const line = one.lines.find(({ message }) => message === "dead letter dropped");
    expect(line?.fields).toMatchObject({ message: "message-1", sink: "copy", code: "SINK_REJECTED" });
  });

  test("that throws leaves the dead letter, and does not log the error's message", async () => {
    const one = rig({
      fix: ({ record }) => {
        if (JSON.stringify(record.dynamodb?.Keys).includes("p-1")) throw new RangeError("a secret");
        return undefined;
      },
    });
    one.queue.send(bad(1), ...deadLetters(2));
    expect(await one.run()).toMatchObject({ counts: { delivered: 2, left: 1 }, left: { copy: { FIX_FAILED: 1 } } });
    expect(one.queue.bodies()).toEqual([bad(1)]);
    expect(JSON.stringify(one.lines)).toContain("RangeError");
    expect(JSON.stringify(one.lines)).not.toContain("secret");
  });

  test("that never settles leaves the dead letter", async () => {
    const one = rig({ fix: () => new Promise(() => undefined), fixTimeoutMs: 1_000 });
    one.queue.send(...deadLetters(1));
    expect((await one.run()).left).toEqual({ copy: { FIX_FAILED: 1 } });
  });

  test.each<[string, unknown]>([
    ["no record", { record: "x" }],
    ["a text", "drop it"],
    ["another key", { record: streamRecord({ keyNames: ["id"], after: { id: "p-2" } }) }],
    ["another sequence number", { record: { ...mended, dynamodb: { ...mended.dynamodb, SequenceNumber: "9" } } }],
    ["another stream", { record: { ...mended, eventSourceARN: "arn:aws:dynamodb:eu-west-1:1:table/Other/stream/x" } }],
    ["another id", { record: { ...mended, eventID: "other" } }],
    ["another kind of change", { record: { ...mended, eventName: "REMOVE" } }],
  ])("that answers %s leaves the dead letter, and sends nothing", async (_name, answer) => {
    const one = rig({ fix: () => answer as never });
    one.queue.send(bad(1));
    expect((await one.run()).left).toEqual({ copy: { FIX_INVALID: 1 } });
    expect(one.requests).toEqual([]);
  });

  test("may add missing members to a malformed record", async () => {
    const { SequenceNumber, ...dynamodb } = mended.dynamodb ?? {};
    const one = rig({ fix: () => ({ record: mended }) });
    one.queue.send(bodyFor({ ...mended, dynamodb }, { code: "RECORD_MALFORMED" }));
    expect((await one.run()).counts).toMatchObject({ delivered: 1 });
    expect(SequenceNumber).toBeDefined();
  });

  test("that changes its argument but returns nothing changes nothing", async () => {
    const one = rig({
      fix: ({ record }) => {
        Object.assign(record.dynamodb?.NewImage ?? {}, { bad: { BOOL: false } });
      },
    });
    one.queue.send(bad(1));
    expect((await one.run()).counts).toMatchObject({ left: 1 });
  });

  test("that changes its argument and returns the argument changes the record", async () => {
    const one = rig({
      fix: (envelope) => {
        Object.assign(envelope.record.dynamodb?.NewImage ?? {}, { bad: { BOOL: false } });
        return envelope;
      },
    });
    one.queue.send(bad(1));
    expect((await one.run()).counts).toMatchObject({ delivered: 1 });
  });

  test("is not called for a message without an envelope", async () => {
    const one = rig({ fix: () => "drop" });
    one.queue.send("{}");
    expect(await one.run()).toMatchObject({ counts: { left: 1 }, left: { "-": { RECORD_MALFORMED: 1 } } });
  });

  test("is not called if the invocation may end before the fix returns", async () => {
    const one = rig({ fix: () => undefined, timeoutMs: 20_000 });
    one.queue.send(...deadLetters(1));
    await expect(one.batch()).rejects.toThrow("chunkSize");
    expect(one.queue.visible()).toBe(1);
  });
});

describe("the queue", () => {
  test("hides messages for longer than the invocation can run", async () => {
    const hidden: number[] = [];
    const one = rig({ timeoutMs: 200_000 });
    const { receiveMessage } = one.queue.client;
    Object.assign(one.queue.client, {
      receiveMessage: (input: Parameters<typeof receiveMessage>[0]) => {
        hidden.push(input.VisibilityTimeout ?? 0);
        return receiveMessage(input);
      },
    });
    await one.run();
    expect(hidden).toEqual([230, 225]);
  });

  test("that cannot be reached fails the batch", async () => {
    const one = rig();
    Object.assign(one.queue.client, {
      receiveMessage: () => Promise.reject(Object.assign(new Error("no"), { name: "QueueDoesNotExist" })),
    });
    await expect(one.batch()).rejects.toMatchObject({ code: "REDRIVE_INTERRUPTED" });
  });

  test("that fails during one receive loses no message of another receive", async () => {
    const one = rig();
    one.queue.send(...deadLetters(20));
    const { receiveMessage } = one.queue.client;
    let calls = 0;
    Object.assign(one.queue.client, {
      receiveMessage: (input: Parameters<typeof receiveMessage>[0]) => {
        calls += 1;
        return calls === 2 ? Promise.reject(new Error("reset")) : receiveMessage(input);
      },
    });
    expect((await one.run()).counts).toMatchObject({ received: 20, delivered: 20 });
    expect(one.requests).toEqual([10, 10]);
  });
});

describe("options", () => {
  const codeOf = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    ["queueUrl", { pipelineFunction: "f" }],
    ["queueUrl", { queueUrl: "orders", pipelineFunction: "f" }],
    ["pipelineFunction", { queueUrl }],
    ["chunkSize", { queueUrl, pipelineFunction: "f", chunkSize: 0 }],
    ["pollSeconds", { queueUrl, pipelineFunction: "f", pollSeconds: 21 }],
    ["timeoutBufferMs", { queueUrl, pipelineFunction: "f", timeoutBufferMs: -1 }],
    ["removes", { queueUrl, tableName: "Orders", removes: "delete" as never }],
  ])("that are wrong are refused with their name: %s", (name, options) => {
    expect(codeOf(() => batchHandler(options))).toContain(`"${name}"`);
  });

  test("may come from the environment", () => {
    process.env.SLUICE_DEAD_LETTER_QUEUE_URL = queueUrl;
    process.env.SLUICE_PIPELINE_FUNCTION = "orders";
    try {
      expect(typeof batchHandler()).toBe("function");
    } finally {
      delete process.env.SLUICE_DEAD_LETTER_QUEUE_URL;
      delete process.env.SLUICE_PIPELINE_FUNCTION;
    }
  });

  test("a mode without its options fails the batch", async () => {
    const one = rig();
    one.queue.send(...deadLetters(1));
    await expect(one.batch({ mode: "republish" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("attempts of a batch that ended without a result are counted", async () => {
    expect(await rig().batch({ retries: 2 })).toMatchObject({ interrupted: 2 });
  });

  test("a run with an invalid start time is refused", async () => {
    await expect(rig().batch({ startedAt: "today" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(startMs).toBeGreaterThan(0);
  });
});
