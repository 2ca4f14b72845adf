import { describe, expect, test } from "@jest/globals";
import { inspectionHandler } from "../src/index.ts";
import { noProgress } from "../src/run/progress.ts";
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
  test("counts what is in the queue, and looks at a sample of it, by sink and code", async () => {
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

  test("gives the sample back", async () => {
    const { queue, inspection } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    await inspection();
    expect(queue.visible()).toBe(1);
  });

  test("that cannot give it back says so, and it comes back by itself", async () => {
    const { queue, inspection, lines } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    Object.assign(queue.client, { changeMessageVisibilityBatch: () => Promise.reject(new Error("denied")) });
    await inspection();
    expect(lines[0]).toMatchObject({ level: "warn", fields: { first: "Error: denied" } });
    queue.advance(30_000);
    expect(queue.visible()).toBe(1);
  });

  test("finds an empty queue empty", async () => {
    expect((await made().inspection()).inspection).toMatchObject({ isEmpty: true, sample: { size: 0 } });
  });

  test("takes a queue for empty only when no message comes: SQS' count lags behind", async () => {
    const { queue, inspection } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    Object.assign(queue.client, { getQueueAttributes: async () => ({ Attributes: {} }) });
    expect((await inspection()).inspection).toMatchObject({ isEmpty: false, depth: { visible: 0 } });
  });

  test("takes no sample where none is wanted", async () => {
    const { queue, inspection } = made({ sampleSize: 0 });
    queue.send(bodyFor(orderRecord("o-1")));
    expect((await inspection()).inspection).toMatchObject({ isEmpty: false, sample: { size: 0, counts: {} } });
    expect(queue.calls).toEqual({ getQueueAttributes: 1 });
  });
});
