import { describe, expect, test } from "@jest/globals";
import { inspectionHandler } from "../src/index.ts";
import { noProgress } from "../src/redrive/progress.ts";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { memoryQueue, queueUrl } from "./memory-queue.ts";
import { keptLines } from "./rig.ts";

const made = (options: { sampleSize?: number } = {}) => {
  const queue = memoryQueue();
  const { lines, ...logger } = keptLines();
  const inspection = inspectionHandler({ queueUrl, logger, clients: { sqs: queue.client }, ...options });
  return { queue, lines, inspection: () => inspection({ settings: {}, input: {} }) };
};

describe("the inspection", () => {
  test("counts the queue's messages, and counts a sample of them by sink and code", async () => {
    const { queue, inspection } = made({ sampleSize: 3 });
    const record = orderRecord("o-1");
    queue.send(bodyFor(record), bodyFor(record, { sink: "webhook", code: "SINK_GONE" }), "{}", bodyFor(record));
    expect(await inspection()).toEqual({
      inspection: {
        isEmpty: false,
        depth: { visible: 4, inFlight: 0, delayed: 0 },
        sample: { size: 3, counts: { copy: { SINK_REJECTED: 1 }, webhook: { SINK_GONE: 1 }, "-": { "-": 1 } } },
        settings: {},
      },
      progress: noProgress,
    });
  });

  test("releases the sample", async () => {
    const { queue, inspection } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    await inspection();
    expect(queue.visible()).toBe(1);
  });

  test("logs that a sample cannot be released; the sample becomes visible after its timeout", async () => {
    const { queue, inspection, lines } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    Object.assign(queue.client, { changeMessageVisibilityBatch: () => Promise.reject(new Error("denied")) });
    await inspection();
    expect(lines[0]).toMatchObject({ level: "warn", fields: { first: "Error: denied" } });
    queue.advance(30_000);
    expect(queue.visible()).toBe(1);
  });

  test("reports an empty queue as empty", async () => {
    expect((await made().inspection()).inspection).toMatchObject({ isEmpty: true, sample: { size: 0 } });
  });

  test("reports a queue as empty only if a receive returns no message, as SQS' attributes are delayed", async () => {
    const { queue, inspection } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    Object.assign(queue.client, { getQueueAttributes: async () => ({ Attributes: {} }) });
    expect((await inspection()).inspection).toMatchObject({ isEmpty: false, depth: { visible: 0 } });
  });

  test("receives no messages if the sample's size is 0", async () => {
    const { queue, inspection } = made({ sampleSize: 0 });
    queue.send(bodyFor(orderRecord("o-1")));
    expect((await inspection()).inspection).toMatchObject({ isEmpty: false, sample: { size: 0, counts: {} } });
    expect(queue.calls).toEqual({ getQueueAttributes: 1 });
  });
});
