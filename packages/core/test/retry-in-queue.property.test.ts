import { describe, expect, jest, test } from "@jest/globals";
import { memoryDedupe, randomHistory, streamEvent } from "@sluice/testing";
import fc from "fast-check";
import { type Change, type DedupeStore, pipeline, type RetryQueue } from "../src/index.ts";
import {
  type AppendDelivery,
  type Clock,
  decodeRecord,
  delivered,
  type Sink,
  type StreamRecord,
  superseded,
} from "../src/sink-kit.ts";
import { type Crash, type CrashingEnvironment, crashingEnvironment } from "./crashing-environment.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { type MemoryRetryQueue, memoryRetryQueue } from "./memory-retry-queue.ts";
import { answerOf, resultsOf, retryable } from "./planned-answers.ts";
import { recordingLogger } from "./recording-logger.ts";
import type { Answer } from "./scripted-sink.ts";

/** Each run makes more than a hundred invocations, so a test takes longer than Jest's default timeout. */
jest.setTimeout(180_000);

/** Random plans. `failing` has the answers to a change's first attempts. `refused` selects failed queue writes. */
const plans = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  failing: fc.func(fc.array(fc.constantFrom<Answer>(...retryable), { maxLength: 9 })),
  rejects: fc.func(fc.integer({ min: 0, max: 9 })),
  refused: fc.func(fc.integer({ min: 0, max: 9 })),
  consumes: fc.func(fc.integer({ min: 0, max: 3 })),
  ticks: fc.func(fc.integer({ min: 0, max: 2 })),
  maxEntries: fc.integer({ min: 1, max: 5 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
});
type Plan = typeof plans extends fc.Arbitrary<infer Planned> ? Planned : never;

/** Returns whether and how the environment crashes at this request. `request` is its number in the whole run. */
type Crashes = (request: number) => Crash;

interface World {
  readonly plan: Plan;
  readonly crashes: Crashes;
  readonly store: ReturnType<typeof memoryDedupe>;
  readonly queue: MemoryRetryQueue;
  readonly deadLetters: ReturnType<typeof memoryDeadLetterQueue>;
  readonly lines: ReturnType<typeof recordingLogger>;
  /** The changes that arrived at the append target, in order. */
  readonly arrived: Change[];
  /** The content of the upsert target: each item's version and message. */
  readonly held: Map<string, { readonly version: string; readonly message: unknown }>;
  readonly attempts: Map<string, number>;
  requests: number;
  writes: number;
  nowMs: number;
}

/** The queue may refuse only its first 100 writes. A queue that always refuses would block the stream forever. */
const lastRefusal = 100;

const worldOf = (plan: Plan, crashes: Crashes): World => {
  const world: World = {
    plan,
    crashes,
    store: memoryDedupe({ now: () => world.nowMs }),
    queue: memoryRetryQueue({
      now: () => world.nowMs,
      accepts: () => {
        world.writes += 1;
        return world.writes > lastRefusal || world.plan.refused(String(world.writes)) > 0;
      },
    }),
    deadLetters: memoryDeadLetterQueue(),
    lines: recordingLogger(),
    arrived: [],
    held: new Map(),
    attempts: new Map(),
    requests: 0,
    writes: 0,
    nowMs: 1_767_323_045_000,
  };
  return world;
};

const sentBy = (world: World, environment: CrashingEnvironment): Sink<unknown, "append"> => ({
  name: "sent",
  supports: { writes: "append", maxEntries: world.plan.maxEntries, concurrency: world.plan.concurrency },
  write: (batch) =>
    environment.request(() =>
      batch.flatMap((appended: AppendDelivery<unknown>) =>
        resultsOf(appended, answerOf(world, "sent", appended), (delivery) => {
          world.arrived.push(delivery.change);
          return delivered(delivery);
        }),
      ),
    ),
});

const heldBy = (world: World, environment: CrashingEnvironment): Sink<unknown, "upsert"> => ({
  name: "held",
  supports: { writes: "upsert" },
  write: (batch) =>
    environment.request(() =>
      batch.flatMap((upserted) =>
        resultsOf(upserted, answerOf(world, "held", upserted), (delivery) => {
          const { itemKey, version } = delivery.change;
          if ((world.held.get(itemKey)?.version ?? "") >= version) return superseded(delivery);
          world.held.set(itemKey, { version, message: delivery.message });
          return delivered(delivery);
        }),
      ),
    ),
});

/** Creates a store. A request to the store can crash the environment. */
const storeOf = ({ store }: World, environment: CrashingEnvironment): DedupeStore => ({
  leases: store.leases,
  journal: {
    find: (...args) => environment.request(() => store.journal.find(...args)),
    note: (...args) => environment.request(() => store.journal.note(...args)),
  },
  pendingItems: {
    find: (...args) => environment.request(() => store.pendingItems.find(...args)),
    add: (...args) => environment.request(() => store.pendingItems.add(...args)),
    restore: (...args) => environment.request(() => store.pendingItems.restore(...args)),
    release: (...args) => environment.request(() => store.pendingItems.release(...args)),
  },
});

const queueOf = ({ queue }: World, environment: CrashingEnvironment): RetryQueue => ({
  ...queue,
  write: (messages) => environment.request(() => queue.write(messages)),
  postpone: (...args) => environment.request(() => queue.postpone(...args)),
});

interface Instance {
  readonly environment: CrashingEnvironment;
  readonly handle: (event: unknown) => Promise<ReadonlySet<string>>;
}

/** Sleeps in virtual time: no deadline passes while code runs, however long the machine pauses. */
const sleep: Clock["sleep"] = (ms, signal) =>
  ms === 0 || signal?.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));

const newInstance = (world: World): Instance => {
  let requests = 0;
  const crashes = (): Crash => {
    requests += 1;
    world.requests += 1;
    return world.crashes(world.requests);
  };
  const environment = crashingEnvironment(crashes, () => world.plan.ticks(String(requests)));
  const clock: Clock = { now: () => world.nowMs, sleep, random: () => 0 };
  const handler = pipeline("p", {
    deadLetterQueue: { write: (envelopes) => environment.request(() => world.deadLetters.write(envelopes)) },
    retryQueue: queueOf(world, environment),
    dedupeStore: storeOf(world, environment),
    logger: world.lines,
    clock,
  })
    .to(heldBy(world, environment), ({ after }) => after.revision)
    .to(sentBy(world, environment), () => 1)
    .handler();
  const handle = async (event: unknown): Promise<ReadonlySet<string>> => {
    const { batchItemFailures } = await environment.run(() => handler(event));
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  };
  return { environment, handle };
};

/** Creates a function. After a crash, its next invocation runs in a new environment. */
const functionOf = (world: World) => {
  let instance = newInstance(world);
  return async (event: unknown): Promise<ReadonlySet<string> | "crashed"> => {
    try {
      return await instance.handle(event);
    } catch (error) {
      if (!instance.environment.hasCrashed()) throw error;
      instance = newInstance(world);
      return "crashed";
    }
  };
};

/** Invokes the function with batches of the stream and of the queue, until both are empty. */
const play = async (plan: Plan, crashes: Crashes = () => undefined) => {
  const world = worldOf(plan, crashes);
  const { records } = randomHistory(plan.seed, { changes: 24, items: 4 });
  const [onStream, onQueue] = [functionOf(world), functionOf(world)];
  const consume = async (): Promise<void> => {
    world.nowMs += 5_000;
    const event = world.queue.receive(10);
    if (event === undefined) return;
    const named = await onQueue(event);
    if (named !== "crashed") world.queue.acknowledge(event, named);
  };
  let start = 0;
  for (let round = 0; start < records.length || world.queue.size() > 0; round += 1) {
    if (round > 1_500) throw new Error("neither the stream nor the queue makes progress");
    if (start < records.length) {
      const batch = ofOneStream(records.slice(start, start + (plan.sizes[round % plan.sizes.length] ?? 1)));
      const [named] = await Promise.all([onStream(streamEvent(batch)), plan.consumes(String(round)) > 1 && consume()]);
      if (named !== "crashed") start += doneOf(batch, named);
      world.nowMs += 1_000;
    } else {
      await consume();
      world.nowMs += world.queue.size() > 0 ? world.queue.waitMs() : 0;
    }
  }
  return { world, records };
};

/** Returns the records of the first stream only, because Lambda treats a re-created stream as another event source. */
const ofOneStream = (records: readonly StreamRecord[]): readonly StreamRecord[] => {
  const second = records.findIndex(({ eventSourceARN }) => eventSourceARN !== records[0]?.eventSourceARN);
  return second < 0 ? records : records.slice(0, second);
};

const doneOf = (batch: readonly StreamRecord[], named: ReadonlySet<string>): number => {
  const first = batch.findIndex(({ dynamodb }) => named.has(dynamodb?.SequenceNumber ?? ""));
  return first < 0 ? batch.length : first;
};

const isRejected = ({ plan }: World, { eventId }: Change, route: string): boolean =>
  plan.rejects(`${eventId}:${route}`) < 2;

/** Each item's versions, in the order in which each version first arrived. */
const versionsByItem = (changes: readonly Change[]): Record<string, string[]> => {
  const items: Record<string, string[]> = {};
  for (const { itemKey, version } of changes) {
    const versions = items[itemKey] ?? [];
    if (!versions.includes(version)) items[itemKey] = [...versions, version];
  }
  return items;
};

/** Expects every accepted change at the append target, in order, and each item's last state at the upsert target. */
const expectComplete = ({ world, records }: Awaited<ReturnType<typeof play>>): void => {
  const changes = records.map((record) => decodeRecord(record));
  expect(versionsByItem(world.arrived)).toEqual(
    versionsByItem(changes.filter((change) => !isRejected(world, change, "sent"))),
  );
  const last = new Map<string, unknown>();
  for (const change of changes) {
    if (!isRejected(world, change, "held"))
      last.set(change.itemKey, change.kind === "remove" ? undefined : change.after?.revision);
  }
  const held = new Map([...world.held].map(([itemKey, { message }]) => [itemKey, message]));
  expect([...held].filter(([, message]) => message !== undefined).sort()).toEqual(
    [...last].filter(([, message]) => message !== undefined).sort(),
  );
  const dead = new Set(world.deadLetters.envelopes.map(({ id }) => id));
  const rejected = changes
    .filter((change) => isRejected(world, change, "sent"))
    .map(({ eventId }) => `${eventId}:p:sent`);
  expect(rejected.filter((id) => !dead.has(id))).toEqual([]);
  expect(world.store.pending()).toBe(0);
};

const duplicates = ({ arrived }: World): number => arrived.length - new Set(arrived.map(({ eventId }) => eventId)).size;

/** Crashes happen only in the first 300 requests. Otherwise an invocation with many requests might never end. */
const lastCrash = 300;

const crashes = fc.record({ every: fc.integer({ min: 3, max: 40 }), how: fc.constantFrom<Crash>("before", "after") });

describe("a pipeline with a retry queue, for every sequence of failures", () => {
  test("delivers every change once, and the changes of an item in order", async () => {
    let queued = 0;
    let pending = 0;
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const played = await play(plan);
        expectComplete(played);
        expect(duplicates(played.world)).toBe(0);
        for (const { fields } of played.world.lines.lines) {
          queued += Number(fields.queued ?? 0);
          pending += Number((fields.failures as { DELIVERY_PENDING?: number } | undefined)?.DELIVERY_PENDING ?? 0);
        }
      }),
      { numRuns: 25, endOnFailure: true },
    );
    // Checks that the random plans sent enough messages to the retry queue to test it.
    expect(queued).toBeGreaterThan(100);
    expect(pending).toBeGreaterThan(20);
  });

  test("loses no change and keeps the order when environments crash at any request", async () => {
    await fc.assert(
      fc.asyncProperty(plans, crashes, async (plan, { every, how }) => {
        expectComplete(await play(plan, (request) => (request % every === 0 && request < lastCrash ? how : undefined)));
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });
});
