// Full and incremental exports, cuts at every cursor, and connections that break.

import { describe, expect, test } from "@jest/globals";
import {
  type ExportOptions,
  exportSource,
  fileUnit,
  type ObjectBody,
  type ObjectReader,
  type SourcePage,
  type Unit,
} from "@sluice/backfill";
import type { Image, StreamRecord } from "@sluice/core/envelope";
import { decodeRecord } from "@sluice/core/sink-kit";
import { fakeClock } from "@sluice/local";
import { memoryBucket, toImage, type WindowChange, type WriteExportOptions, writeExport } from "@sluice/testing";
import fc from "fast-check";
import { never, origin } from "../support/origin.ts";
import { attributes } from "../support/random-item.ts";

const seed = Number(process.env.SEED ?? 20_261_128);

const plainItems = (count: number): Image[] =>
  Array.from({ length: count }, (_, index) => toImage({ id: `item ${index}`, index }));

const sourceOf = (options: WriteExportOptions, given: Partial<ExportOptions> = {}) => {
  const written = writeExport(options);
  const bucket = memoryBucket(written);
  const source = exportSource({ client: bucket, manifest: written.manifest, origin, clock: fakeClock(), ...given });
  return { source, bucket, written };
};

const pagesOf = async (pages: AsyncIterable<SourcePage>): Promise<SourcePage[]> => {
  const all: SourcePage[] = [];
  for await (const page of pages) all.push(page);
  return all;
};

const readAll = async (options: WriteExportOptions, given: Partial<ExportOptions> = {}): Promise<StreamRecord[]> => {
  const { source } = sourceOf(options, given);
  const records: StreamRecord[] = [];
  for (const unit of await source.units()) {
    for (const page of await pagesOf(source.pages(unit, undefined, never()))) records.push(...page.records);
  }
  return records;
};

const idsOf = (records: readonly StreamRecord[]): string[] =>
  records.map(({ dynamodb }) => JSON.stringify(dynamodb?.Keys)).sort();

describe("a full export", () => {
  test(`has every item with every value (seed ${seed})`, async () => {
    const items = fc
      .array(attributes, { maxLength: 60 })
      .map((images) => images.map((image, index): Image => ({ ...image, id: { S: `item ${index}` } })));
    const property = fc.asyncProperty(items, fc.integer({ min: 1, max: 6 }), fc.nat(), async (all, files, order) => {
      const records = await readAll({ items: all, files, seed: order });
      const found = new Map(records.map(({ dynamodb }) => [dynamodb?.NewImage?.id, dynamodb?.NewImage]));
      const byId = (images: Iterable<Image | undefined>) => new Map([...images].map((image) => [image?.id, image]));
      expect(records).toHaveLength(all.length);
      expect(byId(found.values())).toEqual(byId(all));
    });
    await fc.assert(property, { numRuns: 60, seed });
  });

  test("gives inserts whose version has the export's time as its fraction", async () => {
    const [record] = await readAll({ items: plainItems(1), exportTime: "2026-01-02T03:04:05.678Z" });
    expect(record).toMatchObject({
      eventName: "INSERT",
      eventSourceARN: origin.streamArn,
      dynamodb: { SequenceNumber: "0.1767323045678000", StreamViewType: "NEW_IMAGE", Keys: { id: { S: "item 0" } } },
    });
    expect(record && decodeRecord(record).version).toMatch(/^20260101000000000-0{40}\.1767323045678000$/);
  });

  test("gives the same units in each call, empty files included", async () => {
    const { source } = sourceOf({ items: plainItems(10), files: 3, emptyFiles: 3 });
    const units = await source.units();
    expect(units).toHaveLength(6);
    expect(await source.units()).toEqual(units);
    for (const unit of units) {
      const pages = await pagesOf(source.pages(unit, undefined, never()));
      expect(pages.at(-1)?.cursor).toBeUndefined();
      expect(pages.every(({ readUnits }) => readUnits === 0)).toBe(true);
    }
  });

  test("says what the checks before a run need", async () => {
    const { source } = sourceOf({ items: plainItems(3), exportTime: "2026-01-02T03:04:05.678Z" });
    expect(await source.summary()).toEqual({
      type: "full",
      exportArn: expect.stringContaining("/export/"),
      tableArn: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders",
      exportTimeMs: Date.parse("2026-01-02T03:04:05.678Z"),
      fromTimeMs: undefined,
      hasOldImages: false,
      items: 3,
      billedBytes: expect.any(Number),
    });
  });

  const forms: readonly Partial<WriteExportOptions>[] = [
    { prefix: "backups/AWSDynamoDB/orders" },
    { prefix: "backups", keysHavePrefix: false },
    { checksums: "md5" },
    { checksums: "none" },
    { hasType: true },
  ];
  test.each(forms)("may be written with %j", async (form) => {
    const items = plainItems(20);
    expect(await readAll({ items, ...form } as WriteExportOptions)).toHaveLength(20);
  });

  test("may be given by its folder", async () => {
    const { bucket, written } = sourceOf({ items: plainItems(2) });
    const manifest = written.manifest.replace("manifest-summary.json", "");
    expect(await exportSource({ client: bucket, manifest, origin }).units()).not.toEqual([]);
  });
});

describe("a moved export", () => {
  const written = writeExport({ items: plainItems(20), prefix: "old" });
  const moved = (rename: (key: string) => string) =>
    memoryBucket({
      bucket: "copies",
      objects: new Map([...written.objects].map(([key, bytes]) => [rename(key), bytes])),
    });
  const readFrom = async (client: ObjectReader, manifest: string, dataPrefix?: string): Promise<number> => {
    const source = exportSource({ client, manifest, origin, dataPrefix });
    let records = 0;
    for (const unit of await source.units()) {
      for (const page of await pagesOf(source.pages(unit, undefined, never()))) records += page.records.length;
    }
    return records;
  };
  const manifestIn = (bucket: ReturnType<typeof memoryBucket>): string =>
    `s3://copies/${[...bucket.objects.keys()].find((key) => key.endsWith("manifest-summary.json"))}`;

  test.each(["new/place/", ""])("is found below the prefix %j if its folders are kept", async (prefix) => {
    const bucket = moved((key) => key.replace("old/", prefix));
    expect(await readFrom(bucket, manifestIn(bucket))).toBe(20);
  });

  test.each(["flat/data/", "flat/data", "s3://copies/flat/data/"])(
    "is found at the data prefix %s",
    async (dataPrefix) => {
      const name = (key: string): string => key.slice(key.lastIndexOf("/") + 1);
      const bucket = moved((key) => (key.includes("/data/") ? `flat/data/${name(key)}` : `flat/${name(key)}`));
      expect(await readFrom(bucket, manifestIn(bucket), dataPrefix)).toBe(20);
    },
  );
});

const keys = (id: string): Image => ({ id: { S: id } });
const changes: readonly WindowChange[] = [
  { keys: keys("new"), newImage: toImage({ id: "new", n: 1 }), writtenAtMicros: 1_767_322_800_000_001 },
  {
    keys: keys("changed"),
    newImage: toImage({ id: "changed", n: 2 }),
    oldImage: toImage({ id: "changed", n: 1 }),
    writtenAtMicros: 1_767_322_800_000_002,
  },
  { keys: keys("gone"), oldImage: toImage({ id: "gone", n: 1 }), writtenAtMicros: 1_767_322_800_000_003 },
];

const seenIn = (records: readonly StreamRecord[]) =>
  new Map(
    records.map((record) => [
      record.dynamodb?.Keys?.id,
      {
        event: record.eventName,
        view: record.dynamodb?.StreamViewType,
        n: [record.dynamodb?.OldImage?.n, record.dynamodb?.NewImage?.n],
        sequenceNumber: record.dynamodb?.SequenceNumber,
      },
    ]),
  );

describe("an incremental export", () => {
  test.each(["attribute", "number", "text"] as const)(
    "gives inserts, modifications and removals as of their writes, with the time as %s",
    async (timestamps) => {
      const records = await readAll({ type: "incremental", changes, timestamps });
      const view = "NEW_AND_OLD_IMAGES";
      expect(seenIn(records)).toEqual(
        new Map([
          [
            { S: "new" },
            { event: "INSERT", view: "NEW_IMAGE", n: [undefined, { N: "1" }], sequenceNumber: "0.1767322800000001" },
          ],
          [
            { S: "changed" },
            { event: "MODIFY", view, n: [{ N: "1" }, { N: "2" }], sequenceNumber: "0.1767322800000002" },
          ],
          [{ S: "gone" }, { event: "REMOVE", view, n: [{ N: "1" }, undefined], sequenceNumber: "0.1767322800000003" }],
        ]),
      );
    },
  );

  // Without old images, an item with a new image may have been there before; an insert would leave a copy that no
  // filter matches any more.
  test("without old images gives modifications and removals", async () => {
    const records = await readAll({ type: "incremental", changes, outputView: "NEW_IMAGE" });
    const events = [...seenIn(records)].map(([id, { event, view }]) => [JSON.stringify(id), event, view]).sort();
    expect(events).toEqual([
      ['{"S":"changed"}', "MODIFY", "NEW_IMAGE"],
      ['{"S":"gone"}', "REMOVE", "NEW_IMAGE"],
      ['{"S":"new"}', "MODIFY", "NEW_IMAGE"],
    ]);
  });

  test("says its window", async () => {
    const { source } = sourceOf({
      type: "incremental",
      changes,
      from: "2026-01-02T03:00:00Z",
      to: "2026-01-02T04:00:00Z",
    });
    expect(await source.summary()).toMatchObject({
      type: "incremental",
      fromTimeMs: Date.parse("2026-01-02T03:00:00Z"),
      exportTimeMs: Date.parse("2026-01-02T04:00:00Z"),
      hasOldImages: true,
      items: 3,
    });
  });
});

/** Returns the unit of the only data file. */
const onlyUnit = async (source: { readonly units: () => Promise<readonly Unit[]> }): Promise<Unit> => {
  const units = await source.units();
  const [unit] = units.filter((entry) => entry.kind === "file" && entry.items > 0);
  if (unit === undefined) throw new Error("no data file");
  return unit;
};

const large: WriteExportOptions = { items: plainItems(9_001), files: 1 };

test("is read in pages, and has every item once, wherever it is cut and resumed", async () => {
  const { source } = sourceOf(large);
  const unit = await onlyUnit(source);
  const whole = await pagesOf(source.pages(unit, undefined, never()));
  expect(whole.map(({ cursor }) => cursor)).toEqual(["2000", "4000", "6000", "8000", undefined]);
  const all = idsOf(whole.flatMap(({ records }) => records));
  expect(new Set(all).size).toBe(9_001);
  for (const [cut, { cursor }] of whole.entries()) {
    if (cursor === undefined) continue;
    const rest = await pagesOf(source.pages(unit, cursor, never()));
    expect(idsOf([...whole.slice(0, cut + 1), ...rest].flatMap(({ records }) => records))).toEqual(all);
  }
});

test("large items make pages of about a megabyte", async () => {
  const items = Array.from({ length: 40 }, (_, index) => toImage({ id: `item ${index}`, body: "x".repeat(100_000) }));
  const { source } = sourceOf({ items, files: 1 });
  const pages = await pagesOf(source.pages(await onlyUnit(source), undefined, never()));
  expect(pages.map(({ records }) => records.length)).toEqual([10, 10, 10, 10]);
  expect(pages.map(({ cursor }) => cursor)).toEqual(["10", "20", "30", undefined]);
});

test("ends without a last page after the signal has aborted", async () => {
  const { source } = sourceOf(large);
  const stop = new AbortController();
  const cursors: unknown[] = [];
  for await (const { cursor } of source.pages(await onlyUnit(source), undefined, stop.signal)) {
    cursors.push(cursor);
    stop.abort();
  }
  expect(cursors).toEqual(["2000"]);
});

test("takes the units of a state machine that reads the manifest itself", async () => {
  const { source, bucket } = sourceOf(large);
  const [, manifest] = [...bucket.objects].find(([key]) => key.endsWith("manifest-files.json")) ?? [];
  const lines = Buffer.from(manifest ?? "")
    .toString()
    .trim()
    .split("\n");
  expect(lines.map((line) => fileUnit(JSON.parse(line)))).toEqual(await source.units());
});

/** A body whose connection breaks after so many bytes. */
const breaking = (bytes: Uint8Array, after: number): ObjectBody & AsyncIterable<Uint8Array> => ({
  transformToByteArray: async () => bytes,
  async *[Symbol.asyncIterator]() {
    yield bytes.subarray(0, after);
    throw Object.assign(new Error("aborted"), { code: "ECONNRESET" });
  },
});

/** A bucket whose data file is checked in one piece, and then breaks until `isWhole` returns true. */
const checkedThen = (
  bucket: ReturnType<typeof sourceOf>["bucket"],
  key: string,
  isWhole: () => boolean,
  broken: (bytes: Uint8Array) => ObjectBody,
): ObjectReader => {
  let isChecked = false;
  return {
    getObject: async (input) => {
      const isBroken = input.Key === key && isChecked && !isWhole();
      if (input.Key === key) isChecked = true;
      return isBroken ? { Body: broken(bucket.objects.get(key) ?? new Uint8Array()) } : bucket.getObject(input);
    },
  };
};

test("a connection that breaks is opened again, after the last page", async () => {
  const { bucket, written } = sourceOf(large);
  const [key = ""] = written.dataKeys;
  let breaks = 0;
  const isWhole = (): boolean => breaks === 4;
  const client = checkedThen(bucket, key, isWhole, (bytes) => {
    breaks += 1;
    return breaking(bytes, Math.floor((bytes.length * breaks) / 5));
  });
  const source = exportSource({ client, manifest: written.manifest, origin, clock: fakeClock() });
  const pages = await pagesOf(source.pages(await onlyUnit(source), undefined, never()));
  expect(breaks).toBe(4);
  expect(pages.map(({ cursor }) => cursor)).toEqual(["2000", "4000", "6000", "8000", undefined]);
  expect(new Set(idsOf(pages.flatMap(({ records }) => records))).size).toBe(9_001);
});

test("a connection may break as often as it likes, if a page arrives each time", async () => {
  const { bucket, written } = sourceOf({ items: plainItems(61_000), files: 1 });
  const [key = ""] = written.dataKeys;
  let reads = 0;
  const isWhole = (): boolean => reads === 30;
  const client = checkedThen(bucket, key, isWhole, (bytes) => {
    reads += 1;
    return breaking(bytes, Math.ceil((bytes.length * (reads + 0.5)) / 31));
  });
  const source = exportSource({ client, manifest: written.manifest, origin, clock: fakeClock() });
  const pages = await pagesOf(source.pages(await onlyUnit(source), undefined, never()));
  expect(reads).toBe(30);
  expect(pages.at(-1)?.cursor).toBeUndefined();
  expect(new Set(idsOf(pages.flatMap(({ records }) => records))).size).toBe(61_000);
});

test("a connection that always breaks is a transient failure", async () => {
  const { bucket, written } = sourceOf(large);
  const [key = ""] = written.dataKeys;
  const client: ObjectReader = {
    getObject: async (input) =>
      input.Key === key
        ? { Body: breaking(bucket.objects.get(key) ?? new Uint8Array(), 100) }
        : bucket.getObject(input),
  };
  const source = exportSource({ client, manifest: written.manifest, origin, clock: fakeClock() });
  const unit = await onlyUnit(source);
  await expect(pagesOf(source.pages(unit, undefined, never()))).rejects.toMatchObject({
    name: "SourceError",
    isTransient: true,
  });
});

test("throttling by S3 is retried, and a manifest that failed once can be read again", async () => {
  const { bucket, written } = sourceOf({ items: plainItems(5) });
  let calls = 0;
  const client: ObjectReader = {
    getObject: async (input) => {
      calls += 1;
      if (calls === 1)
        throw Object.assign(new Error("no"), { name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
      if (calls === 3) throw Object.assign(new Error("slow"), { name: "SlowDown", $metadata: { httpStatusCode: 503 } });
      return bucket.getObject(input);
    },
  };
  const source = exportSource({ client, manifest: written.manifest, origin, clock: fakeClock() });
  await expect(source.units()).rejects.toMatchObject({ name: "SourceError", isTransient: false });
  expect(await source.units()).toHaveLength(6);
});

/** A body that gives so many bytes, and then nothing more. */
const hanging = (bytes: Uint8Array, after: number) => {
  let isDestroyed = false;
  const body = {
    transformToByteArray: async () => bytes,
    async *[Symbol.asyncIterator]() {
      yield bytes.subarray(0, after);
      await new Promise(() => undefined);
    },
    destroy: () => {
      isDestroyed = true;
    },
  };
  return { body, isDestroyed: () => isDestroyed };
};

const withBody = (body: ObjectBody) => {
  const { bucket, written } = sourceOf(large);
  const client: ObjectReader = {
    getObject: async (input) => (input.Key === written.dataKeys[0] ? { Body: body } : bucket.getObject(input)),
  };
  return exportSource({ client, manifest: written.manifest, origin });
};

describe("a connection to S3", () => {
  const written = writeExport(large);
  const bytes = written.objects.get(written.dataKeys[0] ?? "") ?? new Uint8Array();

  test("that gives nothing more is left as soon as the signal aborts", async () => {
    const { body, isDestroyed } = hanging(bytes, 100);
    const source = withBody(body);
    const stop = new AbortController();
    const pages = pagesOf(source.pages(await onlyUnit(source), undefined, stop.signal));
    await new Promise(setImmediate);
    stop.abort();
    expect(await pages).toEqual([]);
    expect(isDestroyed()).toBe(true);
  });

  test("is closed when the consumer leaves", async () => {
    const { body, isDestroyed } = hanging(bytes, bytes.length - 20);
    const { bucket, written } = sourceOf(large);
    const isWhole = (): boolean => false;
    const client = checkedThen(bucket, written.dataKeys[0] ?? "", isWhole, () => body);
    const source = exportSource({ client, manifest: written.manifest, origin });
    for await (const page of source.pages(await onlyUnit(source), undefined, never())) {
      expect(page.cursor).toBe("2000");
      break;
    }
    await new Promise(setImmediate);
    expect(isDestroyed()).toBe(true);
  });
});
