import { describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { decodeRecord, type Image, type StreamRecord } from "@sluice/core/sink-kit";
import {
  lambdaContext,
  memoryUpsertSink,
  playHistory,
  type RandomHistory,
  randomHistory,
  streamEvent,
} from "@sluice/testing";

const seeds = Array.from({ length: 500 }, (_, index) => index + 1);

type Store = Map<string, { readonly version: string; readonly image: Image | undefined }>;

/** A minimal sink whose guard is `isStale`. With `keepsTombstones`, the sink keeps the versions of removed items. */
const plainSink = (isStale: (held: string, version: string) => boolean, keepsTombstones: boolean) => {
  const store: Store = new Map();
  const write = async (records: readonly StreamRecord[]): Promise<void> => {
    for (const record of records) {
      const { itemKey, version } = decodeRecord(record);
      const held = store.get(itemKey);
      if (held !== undefined && isStale(held.version, version)) continue;
      const image = record.dynamodb?.NewImage;
      if (image === undefined && !keepsTombstones) store.delete(itemKey);
      else store.set(itemKey, { version, image });
      await Promise.resolve();
    }
  };
  const live = (): ReadonlyMap<string, Image> =>
    new Map([...store].flatMap(([itemKey, { image }]) => (image === undefined ? [] : [[itemKey, image]])));
  return { write, live };
};

const nothing = (): void => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const older = (held: string, version: string): boolean => held >= version;

/** Delivers each seed's history to a new sink. Returns the seeds whose sink has the wrong content in the end. */
const divergedSeeds = async (makeSink: () => ReturnType<typeof plainSink>): Promise<readonly number[]> => {
  const diverged: number[] = [];
  for (const seed of seeds) {
    const history = randomHistory(seed);
    const sink = makeSink();
    await playHistory(history, sink.write);
    if (!sameImages(sink.live(), history.expected)) diverged.push(seed);
  }
  return diverged;
};

const sameImages = (found: ReadonlyMap<string, Image>, expected: ReadonlyMap<string, Image>): boolean => {
  const text = (images: ReadonlyMap<string, Image>): string =>
    JSON.stringify([...images].sort(([left], [right]) => (left < right ? -1 : 1)));
  return text(found) === text(expected);
};

/** The key and the version of an item as one text. */
const placeOf = (record: StreamRecord): string => {
  const { itemKey, version } = decodeRecord(record);
  return `${itemKey} ${version}`;
};

const keyIn = (place: string): string => place.slice(0, place.lastIndexOf(" "));

describe("a random history", () => {
  test("is equal for equal seeds, and different for different seeds", () => {
    expect(randomHistory(7)).toEqual(randomHistory(7));
    expect(randomHistory(7).deliveries).not.toEqual(randomHistory(8).deliveries);
  });

  test("has the requested numbers of changes and items", () => {
    const history = randomHistory(1, { items: 2, changes: 100 });
    expect(history.records).toHaveLength(100);
    expect(new Set(history.records.map((record) => decodeRecord(record).itemKey)).size).toBe(2);
  });

  test("delivers every record in full at least once", async () => {
    for (const seed of seeds.slice(0, 100)) {
      const { records, deliveries } = randomHistory(seed);
      const delivered = new Set<StreamRecord>();
      const whole = deliveries.filter(({ kind }) => kind !== "crash");
      await playHistory({ deliveries: whole }, async (batch) => {
        for (const record of batch) delivered.add(record);
      });
      expect({ seed, size: delivered.size }).toEqual({ seed, size: records.length });
    }
  });

  test("delivers the changes of an item in order, except for redeliveries", async () => {
    for (const seed of seeds.slice(0, 100)) {
      const history = randomHistory(seed);
      const first = new Set<string>();
      await playHistory(history, async (batch) => {
        for (const record of batch) first.add(placeOf(record));
      });
      const inOrder = (places: readonly string[]): string =>
        [...places].sort((a, b) => Number(keyIn(a) > keyIn(b)) - Number(keyIn(a) < keyIn(b))).join("\n");
      expect({ seed, order: inOrder([...first]) }).toEqual({ seed, order: inOrder(history.records.map(placeOf)) });
    }
  });

  test("fifty random histories contain every kind of step and value", () => {
    const histories = seeds.slice(0, 50).map((seed) => randomHistory(seed));
    const kinds = new Set(histories.flatMap(({ deliveries }) => deliveries.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(["batch", "crash", "parallel", "redrive"]);
    const records = histories.flatMap((history) => history.records);
    expect(new Set(records.map(({ eventName }) => eventName)).size).toBe(3);
    expect(records.some((record) => decodeRecord(record).isTtlRemoval)).toBe(true);
    expect(new Set(records.map(({ eventSourceARN }) => eventSourceARN)).size).toBe(2);
    const text = JSON.stringify(records);
    for (const value of ["12345678901234567890123456789012345678", '{"S":""}', '"BS"', "👩‍👩‍👧", '"NULL"']) {
      expect(text).toContain(value);
    }
  });

  test.each(["KEYS_ONLY", "NEW_IMAGE"] as const)("knows the expected state under %s, too", (viewType) => {
    const history = randomHistory(3, { viewType });
    expect(history.expected).toEqual(randomHistory(3).expected);
    expect(history.records.every(({ dynamodb }) => dynamodb?.OldImage === undefined)).toBe(true);
  });

  test("has neither event ids nor items in common with a history of another prefix", () => {
    const idsOf = ({ records }: RandomHistory): readonly string[] => records.map(({ eventID }) => eventID ?? "");
    const [left, right] = [randomHistory(1, { prefix: "left" }), randomHistory(1, { prefix: "right" })];
    expect(idsOf(left).filter((id) => idsOf(right).includes(id))).toEqual([]);
    expect([...left.expected.keys()].filter((itemKey) => right.expected.has(itemKey))).toEqual([]);
  });
});

describe("500 random histories", () => {
  test("converge in a sink with a version guard and tombstones", async () => {
    expect(await divergedSeeds(() => plainSink(older, true))).toEqual([]);
  });

  test("expose a sink that does not compare versions", async () => {
    expect((await divergedSeeds(() => plainSink(() => false, true))).length).toBeGreaterThan(100);
  });

  test("expose a sink that does not keep tombstones", async () => {
    expect((await divergedSeeds(() => plainSink(older, false))).length).toBeGreaterThan(20);
  });

  test("converge in the memory sink behind a pipeline's handler", async () => {
    for (const seed of seeds) {
      const history = randomHistory(seed);
      const sink = memoryUpsertSink<Image>();
      const handler = pipeline("orders", { onReject: "block", logger: silent })
        .to<Image, "upsert">(sink, ({ record }) => record.dynamodb?.NewImage)
        .handler();
      const reported: unknown[] = [];
      await playHistory(history, async (records) => {
        const { batchItemFailures } = await handler(streamEvent(records), lambdaContext());
        reported.push(...batchItemFailures);
      });
      expect({ seed, reported, held: sink.items() }).toEqual({ seed, reported: [], held: history.expected });
    }
  });
});
