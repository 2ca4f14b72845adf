// Tests of target keys that several items can have, by `movingKey` or by a `key` that leaves out an attribute. After any
// history, each target key must show the newest of the items that have it. If one part of the guard is broken, some
// histories must fail. The repository's test/convergence tests target keys that only one item can have.

import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline, type UnknownItem } from "@sluice/core";
import { decodeRecord, type StreamRecord, toJson } from "@sluice/core/sink-kit";
import { engineOrSkip } from "@sluice/local";
import { type DeliveryStep, lambdaContext, playHistory, randomHistory, streamEvent } from "@sluice/testing";
import {
  type DynamodbClient,
  type DynamodbSink,
  type DynamodbSinkOptions,
  dynamodbSink,
  type MovingKey,
} from "../src/index.ts";
import { type Engine, startEngine, withoutGuard } from "./support/engine.ts";
import { type Meeting, meetingHistory } from "./support/meeting-history.ts";
import { mutant, mutations } from "./support/mutant.ts";
import { randomOf, shuffled, usernameHistory } from "./support/username-history.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, startEngine);

/** Timeout that is long enough for a busy machine. */
const longMs = 240_000;

/** The seed of the first history. By default it is new in each test run. */
const firstSeed = Number(process.env.CONVERGENCE_SEED ?? Date.now() % 1_000_000_000);

const silent = { info: () => undefined, warn: () => undefined };

/** A history, and the items that the target must contain in the end. The items' keys begin with the seed. */
interface HistoryCase {
  readonly seed: number;
  readonly records: readonly StreamRecord[];
  readonly deliveries: readonly DeliveryStep[];
  readonly expected: readonly UnknownItem[];
}

/** Creates random histories of one kind, and defines the keys and the items of the target table. */
interface HistoryKind {
  readonly keys: Readonly<Record<string, "S">>;
  readonly options: Partial<DynamodbSinkOptions>;
  /** The filter of the pipeline. */
  readonly when?: (item: UnknownItem) => boolean;
  readonly caseOf: (seed: number) => HistoryCase;
  /** Returns the seed at the beginning of a target item's key. */
  readonly prefixOf: (item: UnknownItem) => string;
  readonly map: (item: UnknownItem) => UnknownItem;
}

const specimens = (movingKey: MovingKey): Omit<HistoryKind, "keys" | "options"> => {
  const map = (item: UnknownItem): UnknownItem => ({ ...item, ...movingKey(item) });
  return {
    map,
    prefixOf: ({ pk }) => String(pk).split("-")[0] as string,
    caseOf: (seed) => {
      const { records, deliveries } = randomHistory(seed, { prefix: `${seed}`, items: 3, changes: 9 });
      const last = new Map(records.map((record) => decodeRecord(record)).map((change) => [change.itemKey, change]));
      const expected = [...last.values()].flatMap(({ after }) => (after === undefined ? [] : [map(after)]));
      return { seed, records, deliveries, expected };
    },
  };
};

const byRevision: MovingKey = ({ pk, revision }) => ({ id: `${pk}|${Number(revision) % 3}` });

const usernameMap = ({ pk, username, revision }: UnknownItem) => ({ username, user: pk, revision });

const isActive = (item: UnknownItem): boolean => item.isActive === true;

type MeetingKind = Pick<HistoryKind, "options" | "when"> & Pick<Meeting, "viewType">;

/** Items that meet in the target key `name`, which has the value of the item's attribute `name`. */
const meetings = (name: "pk" | "place", { options, when = () => true, viewType }: MeetingKind): HistoryKind => {
  const map = ({ [name]: place, pk, sk, revision }: UnknownItem) => ({ [name]: place, item: `${pk}|${sk}`, revision });
  const placeOf = (item: UnknownItem) => (when(item) ? String(item[name]) : undefined);
  return {
    keys: { [name]: "S" },
    options,
    when,
    map,
    prefixOf: ({ [name]: place }) => String(place).split("-")[0] as string,
    caseOf: (seed) => ({ seed, ...meetingHistory(seed, `${seed}`, { placeOf, map, viewType }) }),
  };
};

const movingKey: MovingKey = ({ place }) => ({ place: String(place) });

const kinds = {
  moving: { keys: { id: "S" }, options: { movingKey: byRevision }, ...specimens(byRevision) },
  meeting: meetings("place", { options: { movingKey }, viewType: "NEW_AND_OLD_IMAGES" }),
  meetingActive: meetings("place", { options: { movingKey }, when: isActive, viewType: "NEW_AND_OLD_IMAGES" }),
  partition: meetings("pk", { options: { key: ["pk"] }, when: isActive, viewType: "NEW_IMAGE" }),
  partitionOf: meetings("pk", {
    options: { key: ({ pk }) => ({ pk: pk as string }) },
    when: isActive,
    viewType: "NEW_AND_OLD_IMAGES",
  }),
  usernames: {
    keys: { username: "S" },
    options: { movingKey: ({ username }: UnknownItem) => ({ username: String(username) }) },
    map: usernameMap,
    prefixOf: ({ username }) => String(username).split("-")[0] as string,
    caseOf: (seed) => ({ seed, ...usernameHistory(seed, `${seed}`) }),
  },
} as const satisfies Readonly<Record<string, HistoryKind>>;

const sinkOf = (table: string, client: DynamodbClient, { options }: HistoryKind): DynamodbSink =>
  dynamodbSink({ client, table, ...options });

/** Creates a function that invokes the handler until no record fails. */
const invocationOf = (
  sink: DynamodbSink,
  { map, when = () => true }: HistoryKind,
): ((records: readonly StreamRecord[]) => Promise<void>) => {
  const routed = pipeline("test", { onReject: "block", logger: silent })
    .when(when)
    .to(sink, ({ after }) => map(after));
  // A handler accepts one table, and every history has its own table.
  const handlers = new Map<string, ReturnType<typeof routed.handler>>();
  return async (records) => {
    if (records.length === 0) return;
    const [table = ""] = records[0]?.eventSourceARN?.split("/stream/") ?? [];
    const handler = handlers.get(table) ?? routed.handler();
    handlers.set(table, handler);
    for (let attempts = 0; attempts < 5; attempts += 1) {
      const answer = await handler(streamEvent(records), lambdaContext({ remainingMs: 30_000 }));
      if (answer.batchItemFailures.length === 0) return;
    }
    throw new Error("the records still fail after 5 invocations");
  };
};

const sortedMembers = (_name: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** The items as sorted texts. The attributes are sorted, too, because DynamoDB does not keep their order. */
const texts = (items: readonly UnknownItem[]): string[] =>
  items.map((item) => JSON.stringify(JSON.parse(toJson(item)), sortedMembers)).sort();

/** Returns the seeds of the cases for which the table has a wrong final state. */
const wrongSeeds = async (
  engine: Engine,
  table: string,
  sink: DynamodbSink,
  kind: HistoryKind,
  cases: readonly HistoryCase[],
) => {
  const held = new Map<string, UnknownItem[]>();
  for (const item of (await engine.scan(table, sink.liveFilter)).map(withoutGuard)) {
    const prefix = kind.prefixOf(item);
    held.set(prefix, [...(held.get(prefix) ?? []), item]);
  }
  return cases
    .filter(({ seed, expected }) => texts(held.get(`${seed}`) ?? []).join() !== texts(expected).join())
    .map(({ seed }) => seed);
};

const casesOf = (kind: HistoryKind, count: number, first = 1): HistoryCase[] =>
  Array.from({ length: count }, (_, index) => kind.caseOf(first + index));

/** Delivers the histories, eight at once. Returns the seeds of the histories that end in a wrong state. */
const playCases = async (
  engine: Engine,
  kind: HistoryKind,
  cases: readonly HistoryCase[],
  client: DynamodbClient,
): Promise<readonly number[]> => {
  const table = await engine.createTable(kind.keys);
  const sink = sinkOf(table, client, kind);
  const waiting = [...cases];
  const invoke = invocationOf(sink, kind);
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await playHistory(next, invoke);
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return wrongSeeds(engine, table, sink, kind, cases);
};

/** Whether any of 400 histories ends in a wrong state. Delivers eight histories at a time until one is wrong. */
const goesWrong = async (engine: Engine, kind: HistoryKind, client: DynamodbClient): Promise<boolean> => {
  for (let first = 1; first <= 400; first += 8) {
    if ((await playCases(engine, kind, casesOf(kind, 8, first), client)).length > 0) return true;
  }
  return false;
};

/** Splits one writer's changes into batches that contain each item at most once. */
const batchesOf = (records: readonly StreamRecord[]): StreamRecord[][] => {
  const batches: StreamRecord[][] = [];
  for (const record of records) {
    const { itemKey } = decodeRecord(record);
    const free = batches.find((batch) => batch.every((other) => decodeRecord(other).itemKey !== itemKey));
    if (free === undefined) batches.push([record]);
    else free.push(record);
  }
  return batches;
};

describeWithDynamodb("the target", (engine) => {
  test.each([
    ["with a key that moves with every change", 40, "moving"],
    ["with a key that items take from each other", 40, "usernames"],
    ["of items that meet at moving keys", 80, "meeting"],
    ["of items that meet at moving keys and leave the filter", 40, "meetingActive"],
    ["of items that share a partition key, without old images", 80, "partition"],
    ["of items for which a function returns one key", 40, "partitionOf"],
  ] as const)(
    `ends with the last state of every item %s, in %i random histories from seed ${firstSeed}`,
    async (_what, count, name) => {
      expect(await playCases(engine, kinds[name], casesOf(kinds[name], count, firstSeed), engine.direct)).toEqual([]);
    },
    longMs,
  );

  test.each([
    ["moving", 6],
    ["usernames", 6],
    ["meeting", 12],
    ["meetingActive", 12],
    ["partition", 12],
  ] as const)(
    `ends with the last state of every item when four writers write all changes at once, in any order (%s, from seed ${firstSeed})`,
    async (name, count) => {
      const kind: HistoryKind = kinds[name];
      const table = await engine.createTable(kind.keys);
      const cases = casesOf(kind, count, firstSeed);
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        const random = randomOf(writer + 1);
        const invoke = invocationOf(sinkOf(table, engine.client(), kind), kind);
        for (const { records } of cases) for (const batch of batchesOf(shuffled(random, records))) await invoke(batch);
      });
      await Promise.all(writers);
      expect(await wrongSeeds(engine, table, sinkOf(table, engine.direct, kind), kind, cases)).toEqual([]);
    },
    longMs,
  );

  test.each([
    ["the comparison", "comparison", "moving"],
    ["the tombstone", "tombstone", "moving"],
    ["the tombstone at the old key", "old keys", "moving"],
    ["the owner", "owner", "usernames"],
    ["the departures", "departures", "usernames"],
    ["the owner", "owner", "meeting"],
    ["the owner", "owner", "partition"],
    ["the departures", "departures", "meeting"],
    ["the hidden copies", "hidden copies", "meeting"],
    ["the hidden copies", "hidden copies", "partition"],
  ] as const)("does not without %s (%s, %s)", async (_what, mutation, name) => {
    const broken = mutant(engine.direct, mutations[mutation]);
    expect(await goesWrong(engine, kinds[name], broken)).toBe(true);
  });
});
