// The lag of a route against a model: several environments share a retry queue, and each sees only a part of the events.

import { describe, expect, test } from "@jest/globals";
import { streamRecord } from "@sluice/testing";
import fc from "fast-check";
import type { DeliveryResult, RouteResult } from "../src/delivery/delivery-result.ts";
import { LagMeter, type RouteLag } from "../src/delivery/route-lag.ts";
import type { Invocation } from "../src/intake/invocation.ts";
import type { Received } from "../src/intake/received.ts";
import { decodeRecord } from "../src/record/record.ts";
import { type Origin, SinkError } from "../src/sink-kit.ts";

const start = 1_767_323_045_000;
const [firstDelayMs, longestDelayMs] = [20_000, 300_000];
const slackMs = 60_000;

const received = (position: number, createdAt: number): Received => {
  const record = streamRecord({ after: { pk: `p${position}`, sk: "1" }, position: position + 1 });
  const dated = { ...record, dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: createdAt / 1_000 } };
  return { change: decodeRecord(dated), error: undefined, record: dated, envelope: undefined, source: 0 };
};

const lagOf = (
  meter: LagMeter,
  deliveries: readonly (readonly [Received, Partial<DeliveryResult>])[],
  { now, origin = "stream" }: { readonly now: number; readonly origin?: Origin },
): RouteLag => {
  const results = new Map(
    deliveries.map(([, result], position) => [position, { attempts: 1, ...result } as DeliveryResult]),
  );
  const invocation = { origin, received: deliveries.map(([one]) => one) } as unknown as Invocation;
  return meter.after({ results, endedAt: now } as unknown as RouteResult, invocation);
};

describe("the lag of a route", () => {
  test("is the age of the oldest change that was settled, whatever its outcome but filtered", () => {
    const [old, middle, young] = [30_000, 20_000, 10_000].map((age, index) => received(index, start - age)) as [
      Received,
      Received,
      Received,
    ];
    const lag = lagOf(
      new LagMeter(),
      [
        [old, { outcome: "filtered" }],
        [middle, { outcome: "rejected" }],
        [young, { outcome: "delivered" }],
      ],
      { now: start },
    );
    expect(lag).toEqual({ lagMs: 20_000 });
    expect(lagOf(new LagMeter(), [[old, { outcome: "filtered" }]], { now: start })).toEqual({});
  });

  test("grows while the stream retries a change, and while the change waits in the retry queue", () => {
    const stuck = received(0, start);
    const inStream = new LagMeter();
    const lags = [1, 2, 3].map((now) =>
      lagOf(inStream, [[stuck, { outcome: "retried" }]], { now: start + now * 1_000 }),
    );
    expect(lags.map(({ lagMs, pending }) => [lagMs, pending])).toEqual([
      [1_000, 1],
      [2_000, 1],
      [3_000, 1],
    ]);

    const inQueue = new LagMeter();
    lagOf(inQueue, [[stuck, { outcome: "retried", isQueued: true }]], { now: start + 1_000 });
    const later = lagOf(inQueue, [[received(1, start + 9_000), { outcome: "delivered" }]], { now: start + 10_000 });
    expect(later).toEqual({ lagMs: 10_000, pendingAgeMs: 10_000, pending: 1 });
    const settled = lagOf(inQueue, [[stuck, { outcome: "delivered" }]], { now: start + 20_000, origin: "retry" });
    expect(settled).toEqual({ lagMs: 20_000 });
    const next = lagOf(inQueue, [[received(2, start + 21_000), { outcome: "delivered" }]], { now: start + 21_500 });
    expect(next).toEqual({ lagMs: 500 });
  });

  test.each<Origin>(["redrive", "backfill", "replay"])("is not measured by a %s", (origin) => {
    expect(lagOf(new LagMeter(), [[received(0, start - 1e9), { outcome: "retried" }]], { now: start, origin })).toEqual(
      {},
    );
  });

  test("is never negative, and a record without a time has none", () => {
    expect(lagOf(new LagMeter(), [[received(0, start + 5_000), { outcome: "delivered" }]], { now: start })).toEqual({
      lagMs: 0,
    });
    const undated: Received = { ...received(0, start), change: undefined, record: {} };
    expect(lagOf(new LagMeter(), [[undated, { outcome: "rejected" }]], { now: start })).toEqual({});
  });

  test("has no age of a pending record without a time, but its number", () => {
    const dated = received(1, start);
    const undated = received(0, 0);
    const meter = new LagMeter();
    const retried = { outcome: "retried" } as const;
    expect(lagOf(new LagMeter(), [[undated, retried]], { now: start })).toEqual({ pending: 1 });
    expect(lagOf(meter, [[undated, { ...retried, isQueued: true }]], { now: start })).toEqual({ pending: 1 });
    expect(lagOf(meter, [[dated, { outcome: "delivered" }]], { now: start + 2_000 })).toEqual({
      lagMs: 2_000,
      pending: 1,
    });
    expect(lagOf(meter, [[undated, { outcome: "delivered" }]], { now: start + 3_000, origin: "retry" })).toEqual({});
  });
});

interface Step {
  readonly environment: number;
  readonly waitMs: number;
  readonly isStuck: boolean;
  /** Whether the target of a stuck route is down. Otherwise it refuses the delivery. */
  readonly isDown: boolean;
  /** Which of the messages in the queue are received first, as a share of the queue. */
  readonly first: number;
}

const steps = fc.array(
  fc.record<Step>({
    environment: fc.integer({ min: 0, max: 2 }),
    waitMs: fc.integer({ min: 1, max: 40_000 }),
    isStuck: fc.boolean(),
    isDown: fc.boolean(),
    first: fc.double({ min: 0, max: 0.999, noNaN: true }),
  }),
  { minLength: 1, maxLength: 60 },
);

/** A message of the retry queue, and when SQS shows it. */
interface Message {
  readonly one: Received;
  readonly createdAt: number;
  dueAt: number;
}

/** Environments that share a retry queue. */
const play = () => {
  const meters = [0, 1, 2].map(() => new LagMeter([firstDelayMs, longestDelayMs]));
  const queue: Message[] = [];
  /** A target that is down is asked after a quarter of the age, one that refuses after the age. */
  const delayOf = (age: number, { isDown }: Step): number =>
    Math.min(longestDelayMs, Math.max(firstDelayMs, isDown ? age / 4 : age));
  let now = start;
  /** SQS shows a message in time: the messages that are due are received before a new change. */
  const receiveDue = (step: Step): void => {
    const { isStuck, first, isDown } = step;
    const error = new SinkError(isDown ? "SINK_UNAVAILABLE" : "SINK_CONFLICT", "failed");
    const result: Partial<DeliveryResult> = isStuck ? { outcome: "retried", error } : { outcome: "delivered" };
    const receiver = meters[Math.floor(first * 3)] as LagMeter;
    for (const message of queue.filter(({ dueAt }) => dueAt <= now)) {
      lagOf(receiver, [[message.one, result]], { now, origin: "retry" });
      if (isStuck) message.dueAt = now + delayOf(now - message.createdAt, step);
      else queue.splice(queue.indexOf(message), 1);
    }
  };
  return {
    wait: (ms: number) => {
      now += ms;
    },
    step: (step: Step, position: number) => {
      receiveDue(step);
      const one = received(position, now - 1_000);
      const { isStuck, environment } = step;
      const result = isStuck ? ({ outcome: "retried", isQueued: true } as const) : ({ outcome: "delivered" } as const);
      lagOf(meters[environment] as LagMeter, [[one, result]], { now });
      if (isStuck) queue.push({ one, createdAt: now - 1_000, dueAt: now + firstDelayMs });
    },
    oldest: () => Math.max(-1, ...queue.map(({ createdAt }) => now - createdAt)),
    pendingAge: () => Math.max(...meters.map((meter) => lagOf(meter, [], { now }).pendingAgeMs ?? -1)),
  };
};

test("several environments together never report less than the age of the oldest pending delivery, and forget it in time", () => {
  fc.assert(
    fc.property(steps, (played) => {
      const world = play();
      played.forEach((step, position) => {
        world.wait(step.waitMs);
        world.step(step, position);
        expect(world.pendingAge()).toBeGreaterThanOrEqual(world.oldest());
      });
      world.wait(longestDelayMs + slackMs);
      expect(world.pendingAge()).toBe(-1);
    }),
    { numRuns: 300 },
  );
});

test("an outage of any size is remembered by its oldest deliveries", () => {
  const meter = new LagMeter();
  for (let position = 0; position < 12_000; position += 1) {
    lagOf(meter, [[received(position, start + position), { outcome: "retried", isQueued: true }]], {
      now: start + 20_000,
    });
  }
  expect(lagOf(meter, [], { now: start + 30_000 })).toEqual({
    lagMs: 30_000,
    pendingAgeMs: 30_000,
    pending: 10_000,
  });
}, 60_000);
