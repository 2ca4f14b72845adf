import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, type SqsRecord, startFaultyProxy, startSqs } from "../../src/index.ts";
import { bodiesOf, failing, openQueueRig, type Script } from "./rig.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

/** A short timeout, so that tests of redelivery do not wait long. */
const quickRedelivery = { visibilityTimeout: 2 };

const never = (): Promise<never> => new Promise(() => {});

const countOf = ({ attributes }: SqsRecord): number => Number(attributes.ApproximateReceiveCount);

/** Runs the script for messages that are received for the first time. Redelivered messages succeed. */
const onFirstReceive =
  (script: Script): Script =>
  (records, context) => {
    const fresh = records.filter((record) => countOf(record) === 1);
    return fresh.length === 0 ? undefined : script(fresh, context);
  };

describeWithSqs("the event source mapping of a standard queue", (engine) => {
  test("delivers messages as Lambda does", async () => {
    const rig = await openQueueRig(engine);
    const { MessageId } = await rig.client.sendMessage({
      QueueUrl: rig.queueUrl,
      MessageBody: "hello",
      MessageAttributes: {
        sink: { DataType: "String", StringValue: "postgres" },
        bytes: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
      },
    });
    await rig.run();
    const queue = new URL(rig.queueUrl).pathname.split("/").slice(1).join(":");
    expect(rig.batches).toEqual([
      [
        {
          messageId: MessageId,
          receiptHandle: expect.stringMatching(/./),
          body: "hello",
          attributes: expect.objectContaining({
            ApproximateReceiveCount: "1",
            SentTimestamp: expect.stringMatching(/^\d{13}$/),
          }),
          messageAttributes: {
            sink: { stringValue: "postgres", stringListValues: [], binaryListValues: [], dataType: "String" },
            bytes: { binaryValue: "AP8=", stringListValues: [], binaryListValues: [], dataType: "Binary" },
          },
          md5OfBody: "5d41402abc4b2a76b9719d911017c592",
          md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
          eventSource: "aws:sqs",
          eventSourceARN: `arn:aws:sqs:us-east-1:${queue}`,
          awsRegion: "us-east-1",
        },
      ],
    ]);
  });

  test("redelivers only the reported messages, when their visibility timeout is over", async () => {
    const rig = await openQueueRig(
      engine,
      onFirstReceive((fresh) => failing(...fresh.filter(({ body }) => body === "b"))),
      quickRedelivery,
    );
    await rig.send("a", "b", "c");
    await rig.run();
    expect(rig.batches.map(bodiesOf)).toEqual([["a", "b", "c"], ["b"]]);
    expect(rig.batches[1]?.map(countOf)).toEqual([2]);
    expect(rig.mapping.counters).toEqual({
      polledEventCount: 4,
      invokedEventCount: 4,
      failedInvokeEventCount: 3,
      deletedEventCount: 3,
      invocations: 2,
    });
  });

  test.each<[string, Script]>([
    ["throws", () => Promise.reject(new Error("no"))],
    ["times out", never],
    ["returns a value that JSON cannot hold", () => ({ batchItemFailures: [1n] })],
    ["reports an unknown id", ([first]) => ({ batchItemFailures: [{ itemIdentifier: `${first?.messageId}0` }] })],
    ["reports an empty id", () => ({ batchItemFailures: [{ itemIdentifier: "" }] })],
    ["reports no id", () => ({ batchItemFailures: [{ messageId: "1" }] })],
    [
      "reports a known id and a null entry",
      ([first]) => ({ batchItemFailures: [{ itemIdentifier: first?.messageId }, null] }),
    ],
    ["reports a text instead of a list", () => ({ batchItemFailures: "all" })],
  ])("redelivers the whole batch when the function %s", async (_, script) => {
    const rig = await openQueueRig(engine, onFirstReceive(script), { ...quickRedelivery, functionTimeoutMs: 500 });
    await rig.send("a", "b");
    await rig.run();
    const [first = [], ...others] = rig.batches;
    expect(bodiesOf(first).sort()).toEqual(["a", "b"]);
    // fauxqs may show the one a millisecond before the other.
    expect(bodiesOf(others.flat()).sort()).toEqual(["a", "b"]);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["an empty list", { batchItemFailures: [] }],
    ["a null list", { batchItemFailures: null }],
    ["a misspelt list", { batchItemFailure: [{ itemIdentifier: "1" }] }],
  ])("deletes the batch when the function returns %s", async (_, response) => {
    const rig = await openQueueRig(engine, () => response);
    await rig.send("a", "b");
    await rig.run();
    expect(rig.batches.map(bodiesOf)).toEqual([["a", "b"]]);
  });

  test("without ReportBatchItemFailures, ignores the response and deletes the batch", async () => {
    const rig = await openQueueRig(engine, (records) => failing(...records), { functionResponseTypes: [] });
    await rig.send("a", "b");
    await rig.run();
    expect(rig.batches.map(bodiesOf)).toEqual([["a", "b"]]);
    expect(rig.mapping.counters.deletedEventCount).toBe(2);
  });

  test("delivers at most ten messages, or up to batchSize with a batching window", async () => {
    const bodies = Array.from({ length: 25 }, (_, index) => String(index));
    const tens = await openQueueRig(engine);
    await tens.send(...bodies);
    await tens.run();
    expect(tens.batches.map(({ length }) => length)).toEqual([10, 10, 5]);

    const window = { batchSize: 20, maximumBatchingWindowInSeconds: 5 };
    const rig = await openQueueRig(engine, undefined, window);
    await rig.send(...bodies);
    await rig.run();
    expect(rig.batches.map(({ length }) => length)).toEqual([20, 5]);
  });

  test("cuts an event at six megabytes", async () => {
    const rig = await openQueueRig(engine);
    const body = "x".repeat(1_000_000);
    await rig.send(...Array.from({ length: 7 }, () => body));
    await rig.run();
    expect(rig.batches.map(({ length }) => length)).toEqual([6, 1]);
  });

  test("limits concurrent batches to maximumConcurrency", async () => {
    let running = 0;
    let most = 0;
    const script: Script = async () => {
      running += 1;
      most = Math.max(most, running);
      // A receive may take long on a busy machine: the first batches wait for the third. Then a fourth has time to begin.
      for (let turn = 0; turn < 500 && most < 3; turn += 1) await sleep(10);
      await sleep(200);
      running -= 1;
    };
    const rig = await openQueueRig(engine, script, { batchSize: 1, maximumConcurrency: 3 });
    await rig.send("a", "b", "c", "d", "e", "f", "g", "h");
    await rig.run();
    expect(most).toBe(3);
    expect(rig.batches.length).toBe(8);
  });

  test("is drained only when no message is delayed, and none is hidden by another consumer", async () => {
    const rig = await openQueueRig(engine, undefined, quickRedelivery);
    const { client, queueUrl: QueueUrl } = rig;
    await rig.send("hidden");
    await client.receiveMessage({ QueueUrl });
    await client.sendMessage({ QueueUrl, MessageBody: "delayed", DelaySeconds: 2 });
    await rig.run();
    expect(rig.batches.flatMap(bodiesOf).sort()).toEqual(["delayed", "hidden"]);
  });

  test("waits for the running invocation when it stops, and continues after a restart", async () => {
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let invoked: () => void = () => {};
    const began = new Promise<void>((resolve) => {
      invoked = resolve;
    });
    const rig = await openQueueRig(engine, () => {
      invoked();
      return released;
    });
    await rig.send("a");
    await rig.mapping.start();
    const drained = expect(rig.mapping.drained()).rejects.toThrow("stopped before it was drained");
    await began;
    const stopping = rig.mapping.stop();
    release();
    await stopping;
    await drained;
    expect(rig.mapping.counters.deletedEventCount).toBe(1);
    await rig.send("b");
    await rig.run();
    expect(rig.batches.map(bodiesOf)).toEqual([["a"], ["b"]]);
  });

  test("reports requests that fail, and retries them", async () => {
    const proxy = await startFaultyProxy(engine.endpoint);
    const rig = await openQueueRig(
      { ...engine, clientConfig: { ...engine.clientConfig, endpoint: proxy.endpoint } },
      undefined,
      quickRedelivery,
    );
    await rig.send("a");
    const refused = new Set<string>();
    proxy.script(({ headers }) => {
      const call = String(headers["x-amz-target"]).split(".").at(-1) ?? "";
      if (!/^(Receive|Delete)/.test(call) || refused.has(call)) return undefined;
      refused.add(call);
      return { status: 503, body: "" };
    });
    await rig.run();
    // A failed deletion is not retried, so SQS redelivers the message.
    expect(rig.batches.map(bodiesOf)).toEqual([["a"], ["a"]]);
    expect(rig.problems.length).toBe(2);
    await proxy.stop();
  });

  test("does not start without its queue, and ends when the queue is deleted", async () => {
    const rig = await openQueueRig(engine);
    await rig.mapping.start();
    await rig.send("a");
    await rig.mapping.drained();
    await rig.client.deleteQueue({ QueueUrl: rig.queueUrl });
    await expect(rig.mapping.drained()).rejects.toMatchObject({ name: "QueueDoesNotExist" });
    await rig.mapping.stop();
    await expect(rig.mapping.start()).rejects.toMatchObject({ name: "QueueDoesNotExist" });
  });

  test("rejects a function timeout above the queue's visibility timeout", async () => {
    const rig = await openQueueRig(engine, undefined, { functionTimeoutMs: 30_001 });
    await expect(rig.mapping.start()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
