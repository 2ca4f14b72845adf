import { describe, expect, jest, test } from "@jest/globals";
import { memoryDedupe, randomHistory, streamEvent } from "@sluice/testing";
import fc from "fast-check";
import { type Change, type DedupeStore, pipeline } from "../src/index.ts";
import {
  type AppendDelivery,
  type Dedupe,
  type Delivery,
  decodeRecord,
  delivered,
  failed,
  type Sink,
  SinkError,
  type SinkErrorCode,
  type StreamRecord,
  type WriteResult,
} from "../src/sink-kit.ts";
import { instantClock } from "./clocks.ts";
import { type Death, type Mortal, mortal } from "./mortal.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

type Answer = "delivered" | "unreported" | SinkErrorCode;

const retryable = ["SINK_THROTTLED", "SINK_UNAVAILABLE", "SINK_DENIED", "unreported"] as const;

/** What goes wrong: for each change and route its first answers, who is poison, and which requests to the store fail. */
const plans = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  lanes: fc.integer({ min: 1, max: 3 }),
  failing: fc.func(fc.array(fc.constantFrom<Answer>(...retryable), { maxLength: 5 })),
  poison: fc.func(fc.integer({ min: 0, max: 9 })),
  turns: fc.func(fc.integer({ min: 0, max: 3 })),
  maxEntries: fc.integer({ min: 1, max: 5 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  bisects: fc.boolean(),
});
type Plan = typeof plans extends fc.Arbitrary<infer Planned> ? Planned : never;

/** What breaks beside the targets. */
interface Troubles {
  /** How the environment dies at its nth request of the whole run. */
  readonly dies: (request: number) => Death;
  /** Whether the store refuses its nth request. */
  readonly refuses: (request: number) => boolean;
}
const calm: Troubles = { dies: () => undefined, refuses: () => false };

interface World {
  readonly dedupe: Dedupe;
  readonly plan: Plan;
  readonly troubles: Troubles;
  readonly store: DedupeStore;
  /** What arrived, in order. */
  readonly arrived: Change[];
  /** What was sent and not yet remembered when its environment died, or when the store refused to remember it. */
  readonly forgotten: Set<string>;
  readonly attempts: Map<string, number>;
  readonly letters: ReturnType<typeof storedEnvelopes>;
  readonly lines: ReturnType<typeof keptLines>;
  requests: number;
  nowMs: number;
}

const worldOf = (dedupe: Dedupe, plan: Plan, troubles: Troubles): World => {
  const world: World = {
    dedupe,
    plan,
    troubles,
    store: memoryDedupe({ now: () => world.nowMs }),
    arrived: [],
    forgotten: new Set(),
    attempts: new Map(),
    letters: storedEnvelopes(),
    lines: keptLines(),
    requests: 0,
    nowMs: 0,
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

const settlementOf = (delivery: Delivery, answer: Answer): WriteResult[] => {
  if (answer === "unreported") return [];
  return [answer === "delivered" ? delivered(delivery) : failed(delivery, new SinkError(answer, `[sent] ${answer}`))];
};

type Outside = Mortal & { readonly unremembered: Set<string> };

const arrive = (world: World, { unremembered }: Outside, { change, idempotencyKey }: AppendDelivery<unknown>) => {
  unremembered.add(idempotencyKey);
  if (world.dedupe === "native" && world.arrived.some(({ eventId }) => eventId === change.eventId)) return;
  world.arrived.push(change);
};

const sinkOf = (world: World, outside: Outside): Sink<unknown, "append"> => ({
  name: "sent",
  supports: {
    writes: "append",
    maxEntries: world.plan.maxEntries,
    concurrency: world.plan.concurrency,
    ...(world.dedupe === "native" && { dedupesForMs: 300_000 }),
  },
  write: (batch) =>
    outside.ask(() =>
      batch.flatMap((delivery) => {
        const answer = answerOf(world, "sent", delivery);
        if (answer === "delivered") arrive(world, outside, delivery);
        return settlementOf(delivery, answer);
      }),
    ),
});

/** A second sink, whose failures bring batches again that the first has delivered. */
const otherOf = (world: World, outside: Outside): Sink<unknown, "upsert"> => ({
  name: "other",
  supports: { writes: "upsert" },
  write: (batch) =>
    outside.ask(() => batch.flatMap((delivery) => settlementOf(delivery, answerOf(world, "other", delivery)))),
});

/** The store, reached by requests that die and fail. */
const storeOf = (world: World, outside: Outside): DedupeStore => {
  const { journal, leases } = world.store;
  const ask = async <Value>(effect: () => Promise<Value>): Promise<Value> => {
    world.requests += 1;
    if (world.troubles.refuses(world.requests)) throw new SinkError("SINK_THROTTLED", "the store is busy");
    return outside.ask(effect);
  };
  return {
    journal: {
      find: (...args) => ask(() => journal.find(...args)),
      note: (...args) => ask(() => journal.note(...args)),
    },
    leases: {
      acquire: (...args) => ask(() => leases.acquire(...args)),
      complete: async (id, key) => {
        try {
          await ask(() => leases.complete(id, key));
          outside.unremembered.delete(key);
        } catch (error) {
          world.forgotten.add(key);
          throw error;
        }
      },
      release: (...args) => ask(() => leases.release(...args)),
    },
  };
};

interface Environment {
  readonly outside: Outside;
  readonly handle: (batch: readonly StreamRecord[]) => Promise<ReadonlySet<string>>;
}

const environmentOf = (world: World): Environment => {
  let asked = 0;
  const dies = (): Death => {
    asked += 1;
    world.requests += 1;
    return world.troubles.dies(world.requests);
  };
  const outside: Outside = {
    ...mortal(dies, () => world.plan.turns(String(asked))),
    unremembered: new Set(),
  };
  const { dedupe } = world;
  const options = { deadLetterQueue: world.letters, logger: world.lines, clock: instantClock().clock };
  const handler = pipeline("p", { ...options, dedupeStore: storeOf(world, outside) })
    .to(otherOf(world, outside), () => 1)
    .to(sinkOf(world, outside), () => 1, { dedupe })
    .handler();
  const handle = async (batch: readonly StreamRecord[]): Promise<ReadonlySet<string>> => {
    const { batchItemFailures } = await outside.live(() => handler(streamEvent(batch)));
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  };
  return { outside, handle };
};

/** How many records of a batch are done: Lambda comes again from the first that is named, or with all after an error. */
const doneOf = async (world: World, { handle, outside }: Environment, batch: readonly StreamRecord[]) => {
  try {
    const named = await handle(batch);
    const first = batch.findIndex(({ dynamodb }) => named.has(dynamodb?.SequenceNumber ?? ""));
    return first < 0 ? batch.length : first;
  } catch (error) {
    if (!outside.isDead()) throw error;
    for (const key of outside.unremembered) world.forgotten.add(key);
    return 0;
  }
};

/** Batches of one of a shard's lanes, each cut by the next size, halved after a failure where the mapping bisects. */
const playLane = async (world: World, records: readonly StreamRecord[]): Promise<void> => {
  const { sizes, bisects } = world.plan;
  let environment = environmentOf(world);
  let start = 0;
  let isHalved = false;
  for (let invocation = 0; start < records.length; invocation += 1) {
    if (invocation > records.length * 60) throw new Error("the stream does not get on");
    const size = sizes[invocation % sizes.length] ?? 1;
    const done = await doneOf(
      world,
      environment,
      records.slice(start, start + (isHalved ? Math.ceil(size / 2) : size)),
    );
    start += done;
    isHalved = bisects && done === 0;
    world.nowMs += 400_000;
    if (environment.outside.isDead()) environment = environmentOf(world);
  }
};

const play = async (dedupe: Dedupe, plan: Plan, troubles: Troubles = calm) => {
  const world = worldOf(dedupe, plan, troubles);
  const { records } = randomHistory(plan.seed, { changes: 24, items: 5 });
  const items = [...new Set(records.map((record) => decodeRecord(record).itemKey))];
  const laneOf = (record: StreamRecord): number => items.indexOf(decodeRecord(record).itemKey) % plan.lanes;
  // A batch is of one stream: a re-created one may have the same sequence numbers.
  for (const streamArn of new Set(records.map(({ eventSourceARN }) => eventSourceARN))) {
    const ofStream = records.filter(({ eventSourceARN }) => eventSourceARN === streamArn);
    const ofLane = (lane: number) => ofStream.filter((record) => laneOf(record) === lane);
    await Promise.all(Array.from({ length: plan.lanes }, (_, lane) => playLane(world, ofLane(lane))));
  }
  return { world, records };
};

/** Each item's versions in the order of their first arrival. */
const versionsByItem = (changes: readonly Change[]): string => {
  const items = new Map<string, Set<string>>();
  for (const { itemKey, version } of changes) items.set(itemKey, (items.get(itemKey) ?? new Set()).add(version));
  return JSON.stringify([...items].map(([itemKey, versions]) => [itemKey, [...versions]]).sort());
};

/** Nothing is lost, and what arrives arrives for the first time in order. */
const expectComplete = ({ world, records }: Awaited<ReturnType<typeof play>>): void => {
  const wanted = records
    .map((record) => decodeRecord(record))
    .filter(({ eventId }) => world.plan.poison(`${eventId}:sent`) >= 2);
  expect(versionsByItem(world.arrived)).toBe(versionsByItem(wanted));
};

const duplicates = ({ arrived }: World): string[] => {
  const seen = new Set<string>();
  return arrived.flatMap(({ eventId }) => {
    if (seen.has(eventId)) return [`${eventId}:sent`];
    seen.add(eventId);
    return [];
  });
};

// Hundreds of invocations in each run: half a minute alone, more beside other tests.
jest.setTimeout(300_000);

/** The same plans every time unless SEED says otherwise; a run that does not end fails, and its seed is printed. */
const runs = { numRuns: 50, seed: Number(process.env.SEED ?? 20_261_123), timeout: 60_000 };
const deaths = fc.func(fc.constantFrom<Death>("before", "after", ...Array.from({ length: 40 }, () => undefined)));
const refusals = fc.func(fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0));

/** At most a few deaths, so that a run ends. */
const dying = (plan: (request: number) => Death): Troubles => ({
  ...calm,
  dies: (request) => (request < 400 ? plan(request) : undefined),
});
const refusing = (plan: (request: number) => boolean): Troubles => ({
  ...calm,
  refuses: (request) => request < 600 && plan(request),
});

describe("whatever fails, and however the stream is cut", () => {
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

  test("none sends every change in order, and some again", async () => {
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

describe("whenever the function dies", () => {
  test.each<Dedupe>(["none", "on-failure"])("%s loses nothing and keeps the order", async (dedupe) => {
    await fc.assert(
      fc.asyncProperty(plans, deaths, async (plan, plannedDeaths) => {
        expectComplete(await play(dedupe, plan, dying(plannedDeaths)));
      }),
      runs,
    );
  });

  test("native sends nothing twice", async () => {
    await fc.assert(
      fc.asyncProperty(plans, deaths, async (plan, plannedDeaths) => {
        const played = await play("native", plan, dying(plannedDeaths));
        expectComplete(played);
        expect(duplicates(played.world)).toEqual([]);
      }),
      runs,
    );
  });

  test("always repeats at most what it had sent and not yet remembered", async () => {
    let died = 0;
    await fc.assert(
      fc.asyncProperty(plans, deaths, async (plan, plannedDeaths) => {
        const played = await play("always", plan, dying(plannedDeaths));
        expectComplete(played);
        died += played.world.forgotten.size;
        expect(duplicates(played.world).filter((key) => !played.world.forgotten.has(key))).toEqual([]);
      }),
      runs,
    );
    expect(died).toBeGreaterThan(0);
  });
});

describe("whatever the store refuses", () => {
  test("on-failure loses nothing, keeps the order, and says so in the log", async () => {
    const said = new Set<string>();
    await fc.assert(
      fc.asyncProperty(plans, refusals, async (plan, plannedRefusals) => {
        const played = await play("on-failure", plan, refusing(plannedRefusals));
        expectComplete(played);
        for (const { message } of played.world.lines.lines) said.add(message);
      }),
      runs,
    );
    expect([...said].filter((message) => message.startsWith("journal")).sort()).toEqual([
      "journal not read, repeats are sent again",
      "journal not written, repeats are sent again",
    ]);
  });

  test("always repeats at most what the store would not remember", async () => {
    const said = new Set<string>();
    await fc.assert(
      fc.asyncProperty(plans, refusals, async (plan, plannedRefusals) => {
        const played = await play("always", plan, refusing(plannedRefusals));
        expectComplete(played);
        expect(duplicates(played.world).filter((key) => !played.world.forgotten.has(key))).toEqual([]);
        for (const { message } of played.world.lines.lines) said.add(message);
      }),
      runs,
    );
    expect(said.has("leases not concluded")).toBe(true);
  });
});
