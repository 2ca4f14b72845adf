import { describe, expect, test } from "@jest/globals";
import { surveyHandler } from "../src/index.ts";
import { noProgress } from "../src/run/progress.ts";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { memoryQueue, queueUrl } from "./memory-queue.ts";
import { keptLines } from "./rig.ts";

const made = (options: { sampleSize?: number } = {}) => {
  const queue = memoryQueue();
  const { lines, ...logger } = keptLines();
  const survey = surveyHandler({ queueUrl, logger, clients: { sqs: queue.client }, ...options });
  return { queue, lines, survey: () => survey({ settings: {}, input: {} }) };
};

describe("the survey", () => {
  test("counts what is in the queue, and looks at a sample of it, by sink and code", async () => {
    const { queue, survey } = made({ sampleSize: 3 });
    const record = orderRecord("o-1");
    queue.send(bodyFor(record), bodyFor(record, { sink: "webhook", code: "SINK_GONE" }), "{}", bodyFor(record));
    expect(await survey()).toEqual({
      survey: {
        isEmpty: false,
        depth: { visible: 4, inFlight: 0, delayed: 0 },
        sample: { size: 3, found: { copy: { SINK_REJECTED: 1 }, webhook: { SINK_GONE: 1 }, "-": { "-": 1 } } },
        settings: {},
      },
      progress: noProgress,
    });
  });

  test("gives the sample back", async () => {
    const { queue, survey } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    await survey();
    expect(queue.visible()).toBe(1);
  });

  test("that cannot give it back says so, and it comes back by itself", async () => {
    const { queue, survey, lines } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    Object.assign(queue.client, { changeMessageVisibilityBatch: () => Promise.reject(new Error("denied")) });
    await survey();
    expect(lines[0]).toMatchObject({ level: "warn", fields: { first: "Error: denied" } });
    queue.advance(30_000);
    expect(queue.visible()).toBe(1);
  });

  test("finds an empty queue empty", async () => {
    expect((await made().survey()).survey).toMatchObject({ isEmpty: true, sample: { size: 0 } });
  });

  test("takes a queue for empty only when no message comes: SQS' count lags behind", async () => {
    const { queue, survey } = made();
    queue.send(bodyFor(orderRecord("o-1")));
    Object.assign(queue.client, { getQueueAttributes: async () => ({ Attributes: {} }) });
    expect((await survey()).survey).toMatchObject({ isEmpty: false, depth: { visible: 0 } });
  });

  test("takes no sample where none is wanted", async () => {
    const { queue, survey } = made({ sampleSize: 0 });
    queue.send(bodyFor(orderRecord("o-1")));
    expect((await survey()).survey).toMatchObject({ isEmpty: false, sample: { size: 0, found: {} } });
    expect(queue.calls).toEqual({ getQueueAttributes: 1 });
  });
});
