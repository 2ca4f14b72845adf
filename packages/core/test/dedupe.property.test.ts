import { describe, expect, jest, test } from "@jest/globals";
import { memoryDedupe, randomHistory, streamEvent } from "@sluice/testing";
import fc from "fast-check";
import { type Change, type DedupeStore, pipeline } from "../src/index.ts";
import {
  type AppendDelivery,
  type Dedupe,
  decodeRecord,
  type Sink,
  SinkError,
  type StreamRecord,
} from "../src/sink-kit.ts";
import { instantClock } from "./clocks.ts";
import { type Crash, type CrashingEnvironment, crashingEnvironment } from "./crashing-environment.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { answerOf, resultsOf, retryable } from "./planned-answers.ts";
import { recordingLogger } from "./recording-logger.ts";
import type { Answer } from "./scripted-sink.ts";

/** Random plans. `failing` has the answers to the first attempts of each change; `rejects` selects rejected changes. */
const plans = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  shardWorkers: fc.integer({ min: 1, max: 3 }),
  failing: fc.func(fc.array(fc.constantFrom<Answer>(...retryable), { maxLength: 5 })),
  rejects: fc.func(fc.integer({ min: 0, max: 9 })),
  ticks: fc.func(fc.integer({ min: 0, max: 3 })),
  maxEntries: fc.integer({ min: 1, max: 5 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  bisects: fc.boolean(),
});
type Plan = typeof plans extends fc.Arbitrary<infer Planned> ? Planned : never;

/** Failures of the environment and of the store. */
interface Faults {
  /** Whether and how the environment crashes at this request. `request` is its number in the whole run. */
  readonly crashes: (request: number) => Crash;
  /** Whether the store refuses this request. */
  readonly refuses: (request: number) => boolean;
}
const noFaults: Faults = { crashes: () => undefined, refuses: () => false };

interface World {
  readonly dedupe: Dedupe;
  readonly plan: Plan;
  readonly faults: Faults;
  readonly store: DedupeStore;
  /** The changes that arrived at the target, in order. */
  readonly arrived: Change[];
  /** Deliveries that were sent but could not be stored as sent, because the environment crashed or the store failed. */
  readonly forgotten: Set<string>;
  readonly attempts: Map<string, number>;
  readonly deadLetters: ReturnType<typeof memoryDeadLetterQueue>;
  readonly lines: ReturnType<typeof recordingLogger>;
  requests: number;
  nowMs: number;
}

const worldOf = (dedupe: Dedupe, plan: Plan, faults: Faults): World => {
  const world: World = {
    dedupe,
    plan,
    faults,
    store: memoryDedupe({ now: () => world.nowMs }),
    arrived: [],
    forgotten: new Set(),
    attempts: new Map(),
    deadLetters: memoryDeadLetterQueue(),
    lines: recordingLogger(),
    requests: 0,
    nowMs: 0,
  };
  return world;
};

type TrackedEnvironment = CrashingEnvironment & { readonly unremembered: Set<string> };

const arrive = (
  world: World,
  { unremembered }: TrackedEnvironment,
  { change, idempotencyKey }: AppendDelivery<unknown>,
) => {
  unremembered.add(idempotencyKey);
  if (world.dedupe === "native" && world.arrived.some(({ eventId }) => eventId === change.eventId)) return;
  world.arrived.push(change);
};

const sinkOf = (world: World, environment: TrackedEnvironment): Sink<unknown, "append"> => ({
  name: "sent",
  supports: {
    writes: "append",
    maxEntries: world.plan.maxEntries,
    concurrency: world.plan.concurrency,
    ...(world.dedupe === "native" && { dedupesForMs: 300_000 }),
  },
  write: (batch) =>
    environment.request(() =>
      batch.flatMap((delivery) => {
        const answer = answerOf(world, "sent", delivery);
        if (answer === "delivered") arrive(world, environment, delivery);
        return resultsOf(delivery, answer);
      }),
    ),
});

/** A second sink. When the second sink fails, Lambda retries batches that the first sink has already delivered. */
const otherOf = (world: World, environment: TrackedEnvironment): Sink<unknown, "upsert"> => ({
  name: "other",
  supports: { writes: "upsert" },
  write: (batch) =>
    environment.request(() => batch.flatMap((delivery) => resultsOf(delivery, answerOf(world, "other", delivery)))),
});

/** Creates a store. A request to the store can fail, or can crash the environment. */
const storeOf = (world: World, environment: TrackedEnvironment): DedupeStore => {
  const { journal, leases } = world.store;
  const request = async <Value>(effect: () => Promise<Value>): Promise<Value> => {
    world.requests += 1;
    if (world.faults.refuses(world.requests)) throw new SinkError("SINK_THROTTLED", "the store is busy");
    return environment.request(effect);
  };
  return {
    journal: {
      find: (...args) => request(() => journal.find(...args)),
      note: (...args) => request(() => journal.note(...args)),
    },
    leases: {
      acquire: (...args) => request(() => leases.acquire(...args)),
      complete: async (id, key) => {
        try {
          await request(() => leases.complete(id, key));
          environment.unremembered.delete(key);
        } catch (error) {
          world.forgotten.add(key);
          throw error;
        }
      },
      release: (...args) => request(() => leases.release(...args)),
    },
  };
};

interface Instance {
  readonly environment: TrackedEnvironment;
  readonly handle: (batch: readonly StreamRecord[]) => Promise<ReadonlySet<string>>;
}

const newInstance = (world: World): Instance => {
  let requests = 0;
  const crashes = (): Crash => {
    requests += 1;
    world.requests += 1;
    return world.faults.crashes(world.requests);
  };
  const environment: TrackedEnvironment = {
    ...crashingEnvironment(crashes, () => world.plan.ticks(String(requests))),
    unremembered: new Set(),
  };
  const { dedupe } = world;
  const options = { deadLetterQueue: world.deadLetters, logger: world.lines, clock: instantClock().clock };
  const handler = pipeline("p", { ...options, dedupeStore: storeOf(world, environment) })
    .to(otherOf(world, environment), () => 1)
    .to(sinkOf(world, environment), () => 1, { dedupe })
    .handler();
  const handle = async (batch: readonly StreamRecord[]): Promise<ReadonlySet<string>> => {
    const { batchItemFailures } = await environment.run(() => handler(streamEvent(batch)));
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  };
  return { environment, handle };
};

/** Number of records that Lambda will not retry: the records before the first failed record, or 0 after a crash. */
const doneOf = async (world: World, { handle, environment }: Instance, batch: readonly StreamRecord[]) => {
  try {
    const named = await handle(batch);
    const first = batch.findIndex(({ dynamodb }) => named.has(dynamodb?.SequenceNumber ?? ""));
    return first < 0 ? batch.length : first;
  } catch (error) {
    if (!environment.hasCrashed()) throw error;
    for (const key of environment.unremembered) world.forgotten.add(key);
    return 0;
  }
};

/** Delivers batches of `plan.sizes`, like one worker of a shard. With `plan.bisects`, a failed batch is halved. */
const playWorker = async (world: World, records: readonly StreamRecord[]): Promise<void> => {
  const { sizes, bisects } = world.plan;
  let instance = newInstance(world);
  let start = 0;
  let isHalved = false;
  for (let invocation = 0; start < records.length; invocation += 1) {
    if (invocation > records.length * 60) throw new Error("the stream makes no progress");
    const size = sizes[invocation % sizes.length] ?? 1;
    const done = await doneOf(world, instance, records.slice(start, start + (isHalved ? Math.ceil(size / 2) : size)));
    start += done;
    isHalved = bisects && done === 0;
    world.nowMs += 400_000;
    if (instance.environment.hasCrashed()) instance = newInstance(world);
  }
};

const play = async (dedupe: Dedupe, plan: Plan, faults: Faults = noFaults) => {
  const world = worldOf(dedupe, plan, faults);
  const { records } = randomHistory(plan.seed, { changes: 24, items: 5 });
  const items = [...new Set(records.map((record) => decodeRecord(record).itemKey))];
  const workerOf = (record: StreamRecord): number => items.indexOf(decodeRecord(record).itemKey) % plan.shardWorkers;
  // Plays the streams one after the other, because a re-created stream may repeat the first stream's sequence numbers.
  for (const streamArn of new Set(records.map(({ eventSourceARN }) => eventSourceARN))) {
    const ofStream = records.filter(({ eventSourceARN }) => eventSourceARN === streamArn);
    const ofWorker = (worker: number) => ofStream.filter((record) => workerOf(record) === worker);
    await Promise.all(Array.from({ length: plan.shardWorkers }, (_, worker) => playWorker(world, ofWorker(worker))));
  }
  return { world, records };
};

/** Each item's versions, in the order in which each version first arrived. */
const versionsByItem = (changes: readonly Change[]): string => {
  const items = new Map<string, Set<string>>();
  for (const { itemKey, version } of changes) items.set(itemKey, (items.get(itemKey) ?? new Set()).add(version));
  return JSON.stringify([...items].map(([itemKey, versions]) => [itemKey, [...versions]]).sort());
};

/** Expects that no change is lost, and that the first arrivals of an item's changes are in order. */
const expectComplete = ({ world, records }: Awaited<ReturnType<typeof play>>): void => {
  const wanted = records
    .map((record) => decodeRecord(record))
    .filter(({ eventId }) => world.plan.rejects(`${eventId}:sent`) >= 2);
  expect(versionsByItem(world.arrived)).toBe(versionsByItem(wanted));
};

const duplicates = ({ arrived }: World): string[] => {
  const seen = new Set<string>();
  return arrived.flatMap(({ eventId }) => {
    if (seen.has(eventId)) return [`${eventId}:p:sent`];
    seen.add(eventId);
    return [];
  });
};

// The tests make many invocations. This takes half a minute, or longer if other test files run at the same time.
jest.setTimeout(300_000);

/** The plans are the same in every run unless SEED is set. A run that lasts too long fails and prints its seed. */
const runs = { numRuns: 50, seed: Number(process.env.SEED ?? 20_261_123), timeout: 60_000 };
const crashes = fc.func(fc.constantFrom<Crash>("before", "after", ...Array.from({ length: 40 }, () => undefined)));
const refusals = fc.func(fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0));

/** Crashes happen only in the first 400 requests, so that every run ends. */
const crashing = (plan: (request: number) => Crash): Faults => ({
  ...noFaults,
  crashes: (request) => (request < 400 ? plan(request) : undefined),
});
const refusing = (plan: (request: number) => boolean): Faults => ({
  ...noFaults,
  refuses: (request) => request < 600 && plan(request),
});

describe("for every failure of a target and every batch size", () => {
  test.each<Dedupe>(["native", "on-failure", "always"])("%s sends every change once and in order", async (dedupe) => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const played = await play(dedupe, plan);
        expectComplete(played);
        expect(duplicates(played.world)).toEqual([]);
      }),
      runs,
    );
  });

  test("mode none sends every change in order, and some changes repeatedly", async () => {
    let repeated = 0;
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const played = await play("none", plan);
        expectComplete(played);
        repeated += duplicates(played.world).length;
      }),
      runs,
    );
    expect(repeated).toBeGreaterThan(0);
  });
});

describe("when the function crashes at any request", () => {
  test.each<Dedupe>(["none", "on-failure"])("%s loses nothing and keeps the order", async (dedupe) => {
    await fc.assert(
      fc.asyncProperty(plans, crashes, async (plan, plannedCrashes) => {
        expectComplete(await play(dedupe, plan, crashing(plannedCrashes)));
      }),
      runs,
    );
  });

  test("mode native sends no change twice", async () => {
    await fc.assert(
      fc.asyncProperty(plans, crashes, async (plan, plannedCrashes) => {
        const played = await play("native", plan, crashing(plannedCrashes));
        expectComplete(played);
        expect(duplicates(played.world)).toEqual([]);
      }),
      runs,
    );
  });

  test("mode always repeats only deliveries that were sent but not yet completed in the store", async () => {
    let forgotten = 0;
    await fc.assert(
      fc.asyncProperty(plans, crashes, async (plan, plannedCrashes) => {
        const played = await play("always", plan, crashing(plannedCrashes));
        expectComplete(played);
        forgotten += played.world.forgotten.size;
        expect(duplicates(played.world).filter((key) => !played.world.forgotten.has(key))).toEqual([]);
      }),
      runs,
    );
    expect(forgotten).toBeGreaterThan(0);
  });
});

describe("when any request to the store fails", () => {
  test("mode on-failure loses no change, keeps the order and logs each failure of the journal", async () => {
    const logged = new Set<string>();
    await fc.assert(
      fc.asyncProperty(plans, refusals, async (plan, plannedRefusals) => {
        const played = await play("on-failure", plan, refusing(plannedRefusals));
        expectComplete(played);
        for (const { message } of played.world.lines.lines) logged.add(message);
      }),
      runs,
    );
    expect([...logged].filter((message) => message.startsWith("journal")).sort()).toEqual([
      "journal not read, repeats are sent again",
      "journal not written, repeats are sent again",
    ]);
  });

  test("mode always repeats only deliveries that could not be completed in the store", async () => {
    const logged = new Set<string>();
    await fc.assert(
      fc.asyncProperty(plans, refusals, async (plan, plannedRefusals) => {
        const played = await play("always", plan, refusing(plannedRefusals));
        expectComplete(played);
        expect(duplicates(played.world).filter((key) => !played.world.forgotten.has(key))).toEqual([]);
        for (const { message } of played.world.lines.lines) logged.add(message);
      }),
      runs,
    );
    expect(logged.has("leases not concluded")).toBe(true);
  });
});
