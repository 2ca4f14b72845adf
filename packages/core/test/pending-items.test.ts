// The marks of pending items when requests fail, hang or arrive late. The order of an item must hold.

import { describe, expect, test } from "@jest/globals";
import { lambdaContext, memoryDedupe, streamEvent, streamRecord } from "@sluice/testing";
import { type BatchResponse, type DedupeStore, pipeline, type RetryQueue } from "../src/index.ts";
import { manualClock } from "./clocks.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const change = (position: number) => streamRecord({ after: { pk: "x", sk: "1", position }, position });
const [first, second, third] = [change(1), change(2), change(3)];

interface Faults {
  readonly isDown?: () => boolean;
  readonly find?: () => Promise<void>;
  readonly write?: (
    write: RetryQueue["write"],
    ...args: Parameters<RetryQueue["write"]>
  ) => ReturnType<RetryQueue["write"]>;
}

const world = () => {
  const { clock, advance } = manualClock();
  const queue = memoryRetryQueue({ now: clock.now });
  const store = memoryDedupe({ now: clock.now });
  const sent: unknown[] = [];
  /** A new environment of the function, with faults of its own. */
  const environment = ({ isDown = () => false, find, write }: Faults = {}) => {
    const sink = scriptedSink({
      writes: "append",
      answer: (delivery) => {
        if (isDown()) return "SINK_DENIED";
        sent.push((delivery.change.after as { position: number }).position);
        return "delivered";
      },
    });
    const pendingItems = {
      ...store.pendingItems,
      find: async (...args: Parameters<typeof store.pendingItems.find>) => {
        await find?.();
        return store.pendingItems.find(...args);
      },
    };
    const dedupeStore: DedupeStore = { ...store, pendingItems };
    const retryQueue: RetryQueue = {
      ...queue,
      write: (...args) => (write === undefined ? queue.write(...args) : write(queue.write, ...args)),
    };
    const deadLetterQueue = memoryDeadLetterQueue();
    const handler = pipeline("p", { deadLetterQueue, retryQueue, dedupeStore, logger: recordingLogger(), clock })
      .to(sink, () => 1, { dedupe: "none" })
      .handler();
    return (event: object) => handler(event, lambdaContext({ remainingMs: 10_000 }));
  };
  const consume = async (handler: ReturnType<typeof environment>): Promise<void> => {
    for (let event = queue.receive(10); event !== undefined; event = queue.receive(10)) {
      const { batchItemFailures } = await handler(event);
      queue.acknowledge(event, new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)));
    }
  };
  return { queue, store, sent, environment, consume, advance };
};

const failures = ({ batchItemFailures }: BatchResponse): number => batchItemFailures.length;

describe("the order of an item with a change in the retry queue", () => {
  test("holds if the marks cannot be read and the queue refuses the next change", async () => {
    const { sent, environment, consume, store } = world();
    let isDown = true;
    let fails = false;
    const handler = environment({
      isDown: () => isDown,
      find: async () => {
        if (fails) throw new Error("the store did not answer");
      },
      write: async (write, messages) => {
        if (!fails) return write(messages);
        return {
          stored: new Set(),
          refused: new Set(messages.map(({ envelope }) => envelope)),
          errors: [new Error("full")],
        };
      },
    });
    expect(failures(await handler(streamEvent([first])))).toBe(0);
    fails = true;
    expect(failures(await handler(streamEvent([second])))).toBe(1);
    fails = false;
    isDown = false;
    expect(failures(await handler(streamEvent([second])))).toBe(0);
    await consume(handler);
    expect(sent).toEqual([1, 2]);
    expect(store.pending()).toBe(0);
  });

  test("holds if a refusal arrives after another environment has queued the change", async () => {
    const { sent, environment, consume, advance } = world();
    let refuse = (): void => {};
    const refused = new Promise<void>((resolve) => {
      refuse = resolve;
    });
    const frozen = environment({
      isDown: () => true,
      write: async (_write, messages) => {
        await refused;
        return {
          stored: new Set(),
          refused: new Set(messages.map(({ envelope }) => envelope)),
          errors: [new Error("full")],
        };
      },
    });
    const answer = frozen(streamEvent([first]));
    for (let second = 0; second < 12; second += 1) await advance(1_000);
    expect(failures(await answer)).toBe(1);
    const next = environment();
    // The mark of the frozen environment sends the change through the queue, where it waits.
    expect(failures(await next(streamEvent([first])))).toBe(0);
    refuse();
    for (let turn = 0; turn < 20; turn += 1) await advance(0);
    expect(failures(await next(streamEvent([second, third])))).toBe(0);
    expect(sent).toEqual([]);
    await consume(next);
    expect(sent).toEqual([1, 2, 3]);
  });

  test("holds if a send has no answer, and the message arrives later", async () => {
    const { sent, environment, consume, advance } = world();
    const silent = environment({
      isDown: () => true,
      write: async (write, messages) => {
        await write(messages);
        return new Promise(() => {});
      },
    });
    const answer = silent(streamEvent([first, second]));
    for (let second = 0; second < 12; second += 1) await advance(1_000);
    expect(failures(await answer)).toBe(2);
    const next = environment();
    await next(streamEvent([first, second, third]));
    await consume(next);
    expect([...new Set(sent)]).toEqual([1, 2, 3]);
  });

  test("costs no detour after the queue has refused the only change", async () => {
    const { sent, environment, store } = world();
    let isDown = true;
    const handler = environment({
      isDown: () => isDown,
      write: async (_write, messages) => ({
        stored: new Set(),
        refused: new Set(messages.map(({ envelope }) => envelope)),
        errors: [new Error("denied")],
      }),
    });
    expect(failures(await handler(streamEvent([first])))).toBe(1);
    expect(store.pending()).toBe(0);
    isDown = false;
    expect(failures(await handler(streamEvent([first, second])))).toBe(0);
    expect(sent).toEqual([1, 2]);
  });
});
