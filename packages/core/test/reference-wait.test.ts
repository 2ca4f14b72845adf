// A message may refer to what another route has not written yet, for example a row whose foreign key names no row.

import { describe, expect, test } from "@jest/globals";
import { lambdaContext, sqsEvent, streamEvent, streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { randomOf } from "../../../test/convergence/random.ts";
import { encodeEnvelope } from "../src/envelope.ts";
import { pipeline, type RouteOptions } from "../src/index.ts";
import { type StreamRecord, systemClock } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number, item: Readonly<Record<string, unknown>> = {}): StreamRecord =>
  streamRecord({ after: { pk, ...item }, position, keyNames: ["pk"] });

/** A pipeline with a route for parents and a route for children, whose targets are two tables with a foreign key. */
const setUp = ({ hasQueue, route }: { readonly hasQueue: boolean; readonly route?: RouteOptions }) => {
  const time = { ms: 1_767_323_045_000 };
  const parentsHeld = new Set<unknown>();
  const parents = scriptedSink({
    writes: "upsert",
    name: "parents",
    answer: ({ change }) => {
      parentsHeld.add(change.keys.pk);
      return "delivered";
    },
  });
  const children = scriptedSink({
    writes: "upsert",
    name: "children",
    answer: (delivery) => {
      const parent = (delivery as { readonly message?: unknown }).message;
      return parent === undefined || parentsHeld.has(parent) ? "delivered" : "SINK_REFERENCE_MISSING";
    },
  });
  const deadLetterQueue = memoryDeadLetterQueue();
  const retryQueue = memoryRetryQueue({ now: () => time.ms });
  const handler = pipeline("p", {
    deadLetterQueue,
    ...(hasQueue && { retryQueue }),
    logger: recordingLogger(),
    clock: { now: () => time.ms, sleep: systemClock.sleep, random: () => 0 },
    retry: { maxAttempts: 1 },
  })
    .when((item) => item.parent === undefined)
    .to(parents, () => 1)
    .when((item) => item.parent !== undefined)
    .to(children, ({ after }) => after.parent, route)
    .handler();
  const stream = async (...records: StreamRecord[]): Promise<number> =>
    (await handler(streamEvent(records), lambdaContext())).batchItemFailures.length;
  /** Delivers the messages of the retry queue until it is empty. */
  const drain = async (): Promise<void> => {
    for (let rounds = 0; rounds < 2_000 && retryQueue.size() > 0; rounds += 1) {
      time.ms += retryQueue.waitMs();
      const event = retryQueue.receive(10);
      if (event === undefined) continue;
      const { batchItemFailures } = await handler(event, lambdaContext());
      retryQueue.acknowledge(event, new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)));
    }
  };
  return { handler, stream, time, deadLetters: deadLetterQueue.envelopes, drain, children };
};

const child = put("c", 1, { parent: "a" });

describe("a delivery whose message refers to something that is not there yet", () => {
  test("holds up its shard for a minute, then it is rejected", async () => {
    const { stream, time, deadLetters } = setUp({ hasQueue: false });
    expect(await stream(child)).toBe(1);
    time.ms += 59_999;
    expect(await stream(child)).toBe(1);
    expect(deadLetters).toEqual([]);
    time.ms += 1;
    expect(await stream(child)).toBe(0);
    expect(deadLetters).toMatchObject([{ sink: "children", code: "SINK_REFERENCE_MISSING" }]);
  });

  test("is delivered as soon as the parent is there, and a later wait of the item starts anew", async () => {
    const { stream, time, deadLetters, children } = setUp({ hasQueue: false });
    expect(await stream(child)).toBe(1);
    time.ms += 59_000;
    expect(await stream(put("a", 2))).toBe(0);
    expect(await stream(child)).toBe(0);
    expect(children.held().size).toBe(1);
    time.ms += 59_000;
    expect(await stream(put("c", 3, { parent: "b" }))).toBe(1);
    expect(deadLetters).toEqual([]);
  });

  test("holds up its shard for as long as the route says", async () => {
    const { stream, deadLetters } = setUp({ hasQueue: false, route: { waitForReferenceMs: 0 } });
    expect(await stream(child)).toBe(0);
    expect(deadLetters).toHaveLength(1);
  });

  test("waits in the retry queue for 15 minutes, then it is rejected", async () => {
    const { stream, time, deadLetters, drain } = setUp({ hasQueue: true });
    const started = time.ms;
    expect(await stream(child)).toBe(0);
    await drain();
    expect(deadLetters).toMatchObject([{ code: "SINK_REFERENCE_MISSING" }]);
    expect(time.ms - started).toBeGreaterThanOrEqual(900_000);
    expect(time.ms - started).toBeLessThan(1_000_000);
  });

  test("stays in the dead-letter queue when it is redriven before its parent", async () => {
    const { handler, stream, deadLetters } = setUp({ hasQueue: false, route: { waitForReferenceMs: 0 } });
    await stream(child);
    const event = sqsEvent(deadLetters.map(encodeEnvelope));
    expect((await handler(event, lambdaContext())).batchItemFailures).toHaveLength(1);
    await stream(put("a", 2));
    expect((await handler(event, lambdaContext())).batchItemFailures).toEqual([]);
    expect(deadLetters).toHaveLength(1);
  });

  test.each([-1, Number.NaN, "1"])("waits for a number of milliseconds, not %p", (waitForReferenceMs) => {
    const route = { waitForReferenceMs } as unknown as RouteOptions;
    expect(() => setUp({ hasQueue: false, route })).toThrow(/waitForReferenceMs is .*; expected 0 or more/);
  });

  /** The orders of 20 parents with two children each, dealt at random to four shards. */
  const shardsOf = (draw: (limit: number) => number): StreamRecord[][] => {
    const shards: StreamRecord[][] = [[], [], [], []];
    for (let line = 0; line < 60; line += 1) {
      const order = `order-${Math.floor(line / 3)}`;
      const record = line % 3 === 0 ? put(order, line + 1) : put(`line-${line}`, line + 1, { parent: order });
      shards[draw(shards.length)]?.push(record);
    }
    return shards;
  };

  test("is never rejected if its parent follows, in whatever order the shards are read", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.integer(), async (hasQueue, seed) => {
        const { handler, time, deadLetters, drain, children } = setUp({ hasQueue });
        const { integer: draw } = randomOf(seed);
        const shards = shardsOf(draw);
        for (let rounds = 0; rounds < 5_000 && shards.some((shard) => shard.length > 0); rounds += 1) {
          const shard = shards[draw(shards.length)] as StreamRecord[];
          const batch = shard.slice(0, 1 + draw(7));
          const { batchItemFailures } = await handler(streamEvent(batch), lambdaContext());
          const first = batchItemFailures[0]?.itemIdentifier;
          const failed = batch.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === first);
          shard.splice(0, failed === -1 ? batch.length : failed);
          time.ms += 10;
        }
        await drain();
        expect(deadLetters).toEqual([]);
        expect(children.held().size).toBe(40);
      }),
      { numRuns: 60 },
    );
  });
});
