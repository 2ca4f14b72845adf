import { describe, expect, jest, test } from "@jest/globals";
import { memoryDedupe, randomHistory, streamEvent } from "@sluice/testing";
import fc from "fast-check";
import { type Change, type DedupeStore, pipeline, type RetryQueue } from "../src/index.ts";
import {
  type AppendDelivery,
  type Clock,
  type Delivery,
  decodeRecord,
  delivered,
  failed,
  type Sink,
  SinkError,
  type SinkErrorCode,
  type StreamRecord,
  superseded,
  systemClock,
  type WriteResult,
} from "../src/sink-kit.ts";
import { type MemoryRetryQueue, memoryRetryQueue } from "./memory-retry-queue.ts";
import { type Death, type Mortal, mortal } from "./mortal.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

/** Each run plays a hundred invocations and more. */
jest.setTimeout(180_000);

type Answer = "delivered" | "unreported" | SinkErrorCode;

const retryable = ["SINK_THROTTLED", "SINK_UNAVAILABLE", "SINK_DENIED", "unreported"] as const;

/** What goes wrong: for each change and route its first answers, who is poison, and which writes the queue refuses. */
const plans = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  failing: fc.func(fc.array(fc.constantFrom<Answer>(...retryable), { maxLength: 9 })),
  poison: fc.func(fc.integer({ min: 0, max: 9 })),
  refused: fc.func(fc.integer({ min: 0, max: 9 })),
  consumes: fc.func(fc.integer({ min: 0, max: 3 })),
  turns: fc.func(fc.integer({ min: 0, max: 2 })),
  maxEntries: fc.integer({ min: 1, max: 5 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
});
type Plan = typeof plans extends fc.Arbitrary<infer Planned> ? Planned : never;

/** How the environment dies at its nth request of the whole run. */
type Dies = (request: number) => Death;

interface World {
  readonly plan: Plan;
  readonly dies: Dies;
  readonly store: ReturnType<typeof memoryDedupe>;
  readonly queue: MemoryRetryQueue;
  readonly letters: ReturnType<typeof storedEnvelopes>;
  readonly lines: ReturnType<typeof keptLines>;
  /** What arrived at the append target, in order. */
  readonly arrived: Change[];
  /** What the upsert target holds: version and message by item. */
  readonly held: Map<string, { readonly version: string; readonly message: unknown }>;
  readonly attempts: Map<string, number>;
  requests: number;
  writes: number;
  nowMs: number;
}

/** A queue that takes nothing, ever, holds the stream up for as long. */
const lastRefusal = 100;

const worldOf = (plan: Plan, dies: Dies): World => {
  const world: World = {
    plan,
    dies,
    store: memoryDedupe({ now: () => world.nowMs }),
    queue: memoryRetryQueue({
      now: () => world.nowMs,
      takes: () => {
        world.writes += 1;
        return world.writes > lastRefusal || world.plan.refused(String(world.writes)) > 0;
      },
    }),
    letters: storedEnvelopes(),
    lines: keptLines(),
    arrived: [],
    held: new Map(),
    attempts: new Map(),
    requests: 0,
    writes: 0,
    nowMs: 1_767_323_045_000,
  };
  return world;
};

const answerOf = ({ plan, attempts }: World, route: string, { change }: Delivery): Answer => {
  const name = `${change.eventId}:${route}`;
  const attempt = (attempts.get(name) ?? 0) + 1;
  attempts.set(name, attempt);
  const early = plan.failing(name)[attempt - 1];
  if (early !== undefined) return early;
  return plan.poison(name) < 2 ? "SINK_REJECTED" : "delivered";
};

const settlementOf = (
  delivery: Delivery,
  answer: Answer,
  taken: (delivery: Delivery) => WriteResult,
): WriteResult[] => {
  if (answer === "unreported") return [];
  return [answer === "delivered" ? taken(delivery) : failed(delivery, new SinkError(answer, `[sink] ${answer}`))];
};

const sentBy = (world: World, outside: Mortal): Sink<unknown, "append"> => ({
  name: "sent",
  supports: { writes: "append", maxEntries: world.plan.maxEntries, concurrency: world.plan.concurrency },
  write: (batch) =>
    outside.ask(() =>
      batch.flatMap((one: AppendDelivery<unknown>) =>
        settlementOf(one, answerOf(world, "sent", one), (delivery) => {
          world.arrived.push(delivery.change);
          return delivered(delivery);
        }),
      ),
    ),
});

const heldBy = (world: World, outside: Mortal): Sink<unknown, "upsert"> => ({
  name: "held",
  supports: { writes: "upsert" },
  write: (batch) =>
    outside.ask(() =>
      batch.flatMap((one) =>
        settlementOf(one, answerOf(world, "held", one), (delivery) => {
          const { itemKey, version } = delivery.change;
          if ((world.held.get(itemKey)?.version ?? "") >= version) return superseded(delivery);
          world.held.set(itemKey, { version, message: delivery.message });
          return delivered(delivery);
        }),
      ),
    ),
});

/** Everything outside is reached by requests that die. */
const storeOf = ({ store }: World, outside: Mortal): DedupeStore => ({
  leases: store.leases,
  journal: {
    find: (...args) => outside.ask(() => store.journal.find(...args)),
    note: (...args) => outside.ask(() => store.journal.note(...args)),
  },
  pendingItems: {
    find: (...args) => outside.ask(() => store.pendingItems.find(...args)),
    add: (...args) => outside.ask(() => store.pendingItems.add(...args)),
    moveBack: (...args) => outside.ask(() => store.pendingItems.moveBack(...args)),
    release: (...args) => outside.ask(() => store.pendingItems.release(...args)),
  },
});

const queueOf = ({ queue }: World, outside: Mortal): RetryQueue => ({
  ...queue,
  write: (letters) => outside.ask(() => queue.write(letters)),
  postpone: (...args) => outside.ask(() => queue.postpone(...args)),
});

interface Environment {
  readonly outside: Mortal;
  readonly handle: (event: unknown) => Promise<ReadonlySet<string>>;
}

const environmentOf = (world: World): Environment => {
  let asked = 0;
  const dies = (): Death => {
    asked += 1;
    world.requests += 1;
    return world.dies(world.requests);
  };
  const outside = mortal(dies, () => world.plan.turns(String(asked)));
  const clock: Clock = { now: () => world.nowMs, sleep: systemClock.sleep, random: () => 0 };
  const handler = pipeline("p", {
    deadLetterQueue: { write: (envelopes) => outside.ask(() => world.letters.write(envelopes)) },
    retryQueue: queueOf(world, outside),
    dedupeStore: storeOf(world, outside),
    logger: world.lines,
    clock,
  })
    .to(heldBy(world, outside), ({ after }) => after.revision)
    .to(sentBy(world, outside), () => 1)
    .handler();
  const handle = async (event: unknown): Promise<ReadonlySet<string>> => {
    const { batchItemFailures } = await outside.live(() => handler(event));
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  };
  return { outside, handle };
};

/** Invokes one environment after another: a new one follows one that has died. */
const functionOf = (world: World) => {
  let environment = environmentOf(world);
  return async (event: unknown): Promise<ReadonlySet<string> | "died"> => {
    try {
      return await environment.handle(event);
    } catch (error) {
      if (!environment.outside.isDead()) throw error;
      environment = environmentOf(world);
      return "died";
    }
  };
};

/** The stream's event source, the queue's beside it, until both have nothing more to bring. */
const play = async (plan: Plan, dies: Dies = () => undefined) => {
  const world = worldOf(plan, dies);
  const { records } = randomHistory(plan.seed, { changes: 24, items: 4 });
  const [onStream, onQueue] = [functionOf(world), functionOf(world)];
  const consume = async (): Promise<void> => {
    world.nowMs += 5_000;
    const event = world.queue.receive(10);
    if (event === undefined) return;
    const named = await onQueue(event);
    if (named !== "died") world.queue.conclude(event, named);
  };
  let start = 0;
  for (let turn = 0; start < records.length || world.queue.size() > 0; turn += 1) {
    if (turn > 1_500) throw new Error("neither the stream nor the queue gets on");
    if (start < records.length) {
      const batch = ofOneStream(records.slice(start, start + (plan.sizes[turn % plan.sizes.length] ?? 1)));
      const [named] = await Promise.all([onStream(streamEvent(batch)), plan.consumes(String(turn)) > 1 && consume()]);
      if (named !== "died") start += doneOf(batch, named);
      world.nowMs += 1_000;
    } else {
      await consume();
      world.nowMs += world.queue.size() > 0 ? world.queue.waitMs() : 0;
    }
  }
  return { world, records };
};

/** The first of them: a re-created stream has the sequence numbers of the one before, and Lambda never mixes two. */
const ofOneStream = (records: readonly StreamRecord[]): readonly StreamRecord[] => {
  const second = records.findIndex(({ eventSourceARN }) => eventSourceARN !== records[0]?.eventSourceARN);
  return second < 0 ? records : records.slice(0, second);
};

const doneOf = (batch: readonly StreamRecord[], named: ReadonlySet<string>): number => {
  const first = batch.findIndex(({ dynamodb }) => named.has(dynamodb?.SequenceNumber ?? ""));
  return first < 0 ? batch.length : first;
};

const isPoison = ({ plan }: World, { eventId }: Change, route: string): boolean =>
  plan.poison(`${eventId}:${route}`) < 2;

/** Each item's versions in the order of their first arrival. */
const versionsByItem = (changes: readonly Change[]): Record<string, string[]> => {
  const items: Record<string, string[]> = {};
  for (const { itemKey, version } of changes) {
    const versions = items[itemKey] ?? [];
    if (!versions.includes(version)) items[itemKey] = [...versions, version];
  }
  return items;
};

/** Nothing is lost; what arrives arrives for the first time in order; the upsert target has the last that it takes. */
const expectComplete = ({ world, records }: Awaited<ReturnType<typeof play>>): void => {
  const changes = records.map((record) => decodeRecord(record));
  expect(versionsByItem(world.arrived)).toEqual(
    versionsByItem(changes.filter((change) => !isPoison(world, change, "sent"))),
  );
  const last = new Map<string, unknown>();
  for (const change of changes) {
    if (!isPoison(world, change, "held"))
      last.set(change.itemKey, change.kind === "remove" ? undefined : change.after?.revision);
  }
  const held = new Map([...world.held].map(([itemKey, { message }]) => [itemKey, message]));
  expect([...held].filter(([, message]) => message !== undefined).sort()).toEqual(
    [...last].filter(([, message]) => message !== undefined).sort(),
  );
  const dead = new Set(world.letters.envelopes.map(({ id }) => id));
  const rejected = changes.filter((change) => isPoison(world, change, "sent")).map(({ eventId }) => `${eventId}:sent`);
  expect(rejected.filter((id) => !dead.has(id))).toEqual([]);
  expect(world.store.pending()).toBe(0);
};

const duplicates = ({ arrived }: World): number => arrived.length - new Set(arrived.map(({ eventId }) => eventId)).size;

/** An invocation that needs more requests than its environments live for would never end. */
const lastDeath = 300;

const deaths = fc.record({ every: fc.integer({ min: 3, max: 40 }), how: fc.constantFrom<Death>("before", "after") });

describe("a pipeline with a retry queue, whatever fails on the way", () => {
  test("delivers every change, in order per item, and each once", async () => {
    let spilled = 0;
    let pending = 0;
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const played = await play(plan);
        expectComplete(played);
        expect(duplicates(played.world)).toBe(0);
        for (const { fields } of played.world.lines.lines) {
          spilled += Number(fields.queued ?? 0);
          pending += Number((fields.failures as { DELIVERY_PENDING?: number } | undefined)?.DELIVERY_PENDING ?? 0);
        }
      }),
      { numRuns: 25, endOnFailure: true },
    );
    // The plans were bad enough for the test to mean something.
    expect(spilled).toBeGreaterThan(100);
    expect(pending).toBeGreaterThan(20);
  });

  test("and dies at any request: loses nothing and keeps the order", async () => {
    await fc.assert(
      fc.asyncProperty(plans, deaths, async (plan, { every, how }) => {
        expectComplete(await play(plan, (request) => (request % every === 0 && request < lastDeath ? how : undefined)));
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });
});
