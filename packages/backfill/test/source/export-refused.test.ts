// Exports that are not what they should be. Each error names the file, what was found and what was expected, and no value.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { exportSource, type RecordOrigin, type SourcePage } from "@sluice/backfill";
import type { Image } from "@sluice/core/envelope";
import { fakeClock } from "@sluice/local";
import { type MemoryBucket, memoryBucket, toImage, type WriteExportOptions, writeExport } from "@sluice/testing";
import { never, origin } from "../support/origin.ts";

const secret = "secret-value";
const items: readonly Image[] = Array.from({ length: 5 }, (_, index) => toImage({ id: `${secret} ${index}` }));

/** A change of an export's files. */
type Damage = (bucket: MemoryBucket, keys: { data: string; files: string; summary: string }) => void;

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("base64");

const opened = (options: Partial<WriteExportOptions>, damage: Damage, given: RecordOrigin) => {
  const written = writeExport({ items, files: 1, emptyFiles: 0, ...options } as WriteExportOptions);
  const bucket = memoryBucket(written);
  const summary = written.manifest.replace("s3://exports/", "");
  const files = summary.replace("summary", "files");
  damage(bucket, { data: written.dataKeys[0] ?? "", files, summary });
  return exportSource({ client: bucket, manifest: written.manifest, origin: given, clock: fakeClock() });
};

/** Reads until the error. Returns the error and the pages before it. */
const failureOf = async (damage: Damage, options: Partial<WriteExportOptions> = {}, given: RecordOrigin = origin) => {
  const pages: SourcePage[] = [];
  try {
    const source = opened(options, damage, given);
    for (const unit of await source.units()) {
      for await (const page of source.pages(unit, undefined, never())) pages.push(page);
    }
  } catch (error) {
    return { error: error as Error & { isTransient?: boolean; cause?: unknown }, pages };
  }
  throw new Error("the export was read without an error");
};

/** Replaces a manifest, and its checksum with it. */
const rewrite = (bucket: MemoryBucket, key: string, change: (text: string) => string): void => {
  const bytes = Buffer.from(change(Buffer.from(bucket.objects.get(key) ?? "").toString()));
  bucket.objects.set(key, bytes);
  bucket.objects.set(key.replace(/json$/, "checksum"), Buffer.from(md5(bytes)));
};

const setSummary =
  (fields: Readonly<Record<string, unknown>>): Damage =>
  (bucket, { summary }) =>
    rewrite(bucket, summary, (text) => JSON.stringify({ ...JSON.parse(text), ...fields }));

/** Replaces the data file, and its MD5 in the manifest. */
const setData =
  (bytes: Uint8Array): Damage =>
  (bucket, { data, files }) => {
    const before = md5(bucket.objects.get(data) ?? new Uint8Array());
    bucket.objects.set(data, bytes);
    rewrite(bucket, files, (text) => text.replace(before, md5(bytes)));
  };

const line = (item: unknown): string => JSON.stringify(item);
const good = line({ Item: toImage({ id: "a" }) });
const setLines = (...lines: readonly string[]): Damage => setData(gzipSync(lines.map((text) => `${text}\n`).join("")));

const dataOf = (bucket: MemoryBucket, data: string): Buffer => Buffer.from(bucket.objects.get(data) ?? "");

describe("the summary", () => {
  test.each<[string, Damage, RegExp]>([
    [
      "is missing",
      (bucket, { summary }) => bucket.objects.delete(summary),
      /summary\.json\] S3 answered NoSuchKey.*expected an object at this address/,
    ],
    [
      "is not JSON",
      (bucket, { summary }) => rewrite(bucket, summary, () => `${secret} {`),
      /the file is not JSON; expected the manifest-summary\.json/,
    ],
    [
      "is a list",
      (bucket, { summary }) => rewrite(bucket, summary, () => `["${secret}"]`),
      /is not a JSON object; expected the manifest-summary\.json/,
    ],
    [
      "is another file",
      (bucket, { summary }) => rewrite(bucket, summary, () => `{"name":"${secret}"}`),
      /has no tableArn; expected the manifest-summary\.json/,
    ],
    [
      "has another checksum",
      (bucket, { summary }) => bucket.objects.set(summary, Buffer.from("{}")),
      /the MD5 of the file is .*==; expected the checksum in s3:\/\/exports\/.*summary\.checksum/,
    ],
    [
      "is of an ION export",
      setSummary({ outputFormat: "ION" }),
      /format is ION; expected DYNAMODB_JSON: export the table again/,
    ],
    ["has another format", setSummary({ outputFormat: secret }), /outputFormat is another; expected DYNAMODB_JSON/],
    ["has another type", setSummary({ exportType: secret }), /exportType has another value; expected FULL_EXPORT or/],
    ["has no time", setSummary({ exportTime: undefined }), /exportTime is missing; expected a time/],
    ["has a time that is none", setSummary({ exportTime: secret }), /exportTime is no time; expected a time/],
    ["has no count", setSummary({ itemCount: undefined }), /itemCount is missing; expected a whole number/],
    ["has a negative count", setSummary({ itemCount: -1 }), /itemCount is no count; expected a whole number/],
    [
      "is of another table",
      setSummary({ tableArn: "arn:aws:dynamodb:us-east-1:1:table/Other" }),
      /the export is of .*table\/Other; expected .*table\/Orders, the table of the stream/,
    ],
    [
      "is incremental and has no window",
      setSummary({ exportType: "INCREMENTAL_EXPORT" }),
      /exportToTime is missing; expected a time/,
    ],
  ])("%s", async (_, damage, message) => {
    const { error, pages } = await failureOf(damage);
    expect(error).toMatchObject({ name: "SourceError", isTransient: false, message: expect.stringMatching(message) });
    expect(error.message).toMatch(/^\[s3:\/\/exports\/AWSDynamoDB\/.*manifest-summary\.json\] /);
    expect(pages).toEqual([]);
  });

  test("is of an ION export, as the writer writes it", async () => {
    expect((await failureOf(() => undefined, { outputFormat: "ION" })).error.message).toContain("format is ION");
  });
});

describe("the list of the files", () => {
  test.each<[string, Damage, RegExp]>([
    ["is missing", (bucket, { files }) => bucket.objects.delete(files), /S3 answered NoSuchKey/],
    [
      "has a line that is not JSON",
      (bucket, { files }) => rewrite(bucket, files, (text) => `${text}${secret}\n`),
      /line 2 is not JSON; expected an entry with itemCount/,
    ],
    [
      "has a line without a checksum",
      (bucket, { files }) => rewrite(bucket, files, (text) => text.replace("md5Checksum", "md5")),
      /line 1: md5Checksum is missing; expected a text/,
    ],
    [
      "has a line without a key",
      (bucket, { files }) => rewrite(bucket, files, (text) => text.replace("dataFileS3Key", "key")),
      /line 1: dataFileS3Key is missing/,
    ],
    [
      "has a count that is a text",
      (bucket, { files }) => rewrite(bucket, files, (text) => text.replace('"itemCount":5', '"itemCount":"5"')),
      /line 1: itemCount is no count/,
    ],
    [
      "has lost a line",
      (bucket, { files }) => rewrite(bucket, files, () => ""),
      /the files have 0 items; expected 5, as the summary says/,
    ],
    [
      "names a file twice",
      (bucket, { files }) => rewrite(bucket, files, (text) => `${text}${text}`),
      /AWSDynamoDB\/.*\.json\.gz is listed twice; expected each file once/,
    ],
    [
      "has another checksum",
      (bucket, { files }) => bucket.objects.set(files, Buffer.from(`${secret}\n`)),
      /the MD5 of the file is/,
    ],
  ])("%s", async (_, damage, message) => {
    const { error, pages } = await failureOf(damage);
    expect(error).toMatchObject({ name: "SourceError", message: expect.stringMatching(message) });
    expect(error.message).toMatch(/^\[s3:\/\/exports\/AWSDynamoDB\/.*manifest-files\.json\] /);
    expect(pages).toEqual([]);
  });
});

describe("a data file", () => {
  const cases: readonly [string, Damage, RegExp][] = [
    [
      "is missing",
      (bucket, { data }) => bucket.objects.delete(data),
      /\.json\.gz\] S3 answered NoSuchKey.*expected an object/,
    ],
    [
      "has another checksum",
      (bucket, { data }) => bucket.objects.set(data, gzipSync(`${good}\n`)),
      /the MD5 of the file is .*; expected .*, as the manifest says/,
    ],
    [
      "is empty, but should not be",
      (bucket, { data }) => bucket.objects.set(data, new Uint8Array()),
      /the MD5 of the file is 1B2M2Y8AsgTpgAmY7PhCfg==; expected/,
    ],
    [
      "is cut off",
      (bucket, keys) => setData(dataOf(bucket, keys.data).subarray(0, -9))(bucket, keys),
      /the file is cut off after \d+ bytes; expected a complete gzip file/,
    ],
    ["is not compressed", setData(Buffer.from(`${good}\n`)), /the file cannot be unpacked \(incorrect header check\)/],
    [
      "has a broken byte",
      (bucket, keys) => {
        const bytes = Buffer.from(dataOf(bucket, keys.data));
        bytes[bytes.length - 6] = (bytes.at(-6) ?? 0) ^ 0xff;
        setData(bytes)(bucket, keys);
      },
      /cannot be unpacked \(incorrect data check\)/,
    ],
    [
      "is not UTF-8",
      setData(
        gzipSync(
          Buffer.concat([Buffer.from(`${good}\n{"Item":{"id":{"S":"`), Buffer.from([0xff]), Buffer.from('"}}}\n')]),
        ),
      ),
      /some text at or after line 1 is not UTF-8; expected UTF-8/,
    ],
    [
      "has a line that is not JSON",
      setLines(good, `{"Item": ${secret}`),
      /, line 2\] the line of \d+ characters is not JSON; expected one JSON object/,
    ],
    [
      "has a last line that is cut off",
      setData(gzipSync(`${good}\n${good.slice(0, -3)}`)),
      /, line 2\] the line of \d+ characters is not JSON/,
    ],
    ["has a line that is a text", setLines(good, good, `"${secret}"`), /, line 3\] the line is not a JSON object/],
    ["has a line that is null", setLines("null"), /, line 1\] the line is not a JSON object/],
    [
      "has a line without an item",
      setLines(good, line({ Other: secret })),
      /, line 2\] the line has no Item; expected a line with Item/,
    ],
    [
      "has an item that is a list",
      setLines(line({ Item: [secret] })),
      /, line 1\] Item is not an item; expected attribute values/,
    ],
    ["has an item with plain values", setLines(line({ Item: { id: secret } })), /, line 1\] Item is not an item/],
    [
      "has an item without a key",
      setLines(good, line({ Item: { other: { S: secret } } })),
      /, line 2\] an item has no key attribute id; expected id/,
    ],
    [
      "has an item whose key is a list",
      setLines(line({ Item: { id: { L: [] } } })),
      /, line 1\] key attribute id has the type L; expected S, N or B/,
    ],
    [
      "has a line without end",
      setData(gzipSync(Buffer.alloc(17 * 1024 * 1024, 0x20))),
      /line 1 has more than 16777216 bytes; expected an item of at most 400 KB/,
    ],
  ];
  test.each(cases)("%s", async (_, damage, message) => {
    const { error, pages } = await failureOf(damage);
    expect(error).toMatchObject({ name: "SourceError", isTransient: false, message: expect.stringMatching(message) });
    expect(error.message).toMatch(/^\[s3:\/\/exports\/AWSDynamoDB\/.*\.json\.gz/);
    expect(`${error.message} ${error.cause}`).not.toContain(secret);
    // The unit is not done: a resumed run reads the file again.
    expect(pages.every(({ cursor }) => cursor !== undefined)).toBe(true);
  });
});

describe("a line of an incremental export", () => {
  const keys = { id: { S: "a" } };
  const metadata = { WriteTimestampMicros: { N: "1767322800000001" } };
  const cases: readonly [string, unknown, RegExp][] = [
    ["has no keys", { Metadata: metadata, NewImage: keys }, /the line has no Keys; expected a line with Keys/],
    ["has no time", { Keys: keys, NewImage: keys }, /Metadata\.WriteTimestampMicros is missing or no time/],
    [
      "has a text as its time",
      { Metadata: { WriteTimestampMicros: secret }, Keys: keys },
      /WriteTimestampMicros is missing or no time/,
    ],
    [
      "has a time of 17 digits",
      { Metadata: { WriteTimestampMicros: "12345678901234567" }, Keys: keys },
      /expected microseconds since 1970/,
    ],
    ["has a fraction in its time", { Metadata: { WriteTimestampMicros: 1.5 }, Keys: keys }, /is missing or no time/],
    ["has an image that is a text", { Metadata: metadata, Keys: keys, NewImage: secret }, /NewImage is not an item/],
    [
      "has an old image that is a text",
      { Metadata: metadata, Keys: keys, OldImage: secret },
      /OldImage is not an item/,
    ],
    [
      "has another key in its image",
      { Metadata: metadata, Keys: keys, NewImage: { id: { S: secret } } },
      /an image has another key than Keys/,
    ],
    [
      "has an image without a key",
      { Metadata: metadata, Keys: keys, NewImage: { x: { S: secret } } },
      /an item has no key attribute id/,
    ],
    [
      "has keys of another table",
      { Metadata: metadata, Keys: { other: { S: secret } } },
      /an item has no key attribute id/,
    ],
  ];
  test.each(cases)("%s", async (_, content, message) => {
    const changes = [{ keys, newImage: keys, writtenAtMicros: 1 }];
    const damage = setLines(line({ Metadata: metadata, Keys: keys, NewImage: keys }), line(content));
    const { error } = await failureOf(damage, { type: "incremental", changes });
    expect(error).toMatchObject({ name: "SourceError", message: expect.stringMatching(message) });
    expect(error.message).toMatch(/^\[s3:\/\/exports\/AWSDynamoDB\/data\/.*\.json\.gz, line 2\] /);
    expect(`${error.message} ${error.cause}`).not.toContain(secret);
  });
});

test("nothing of a damaged file is copied, however large it is", async () => {
  const many = Array.from({ length: 5_001 }, (_, index) => toImage({ id: `item ${index}` }));
  const damage: Damage = (bucket, { data }) => {
    const lines = Array.from({ length: 5_001 }, (_, index) => line({ Item: toImage({ id: `other ${index}` }) }));
    bucket.objects.set(data, gzipSync(lines.join("\n")));
  };
  const { error, pages } = await failureOf(damage, { items: many });
  expect(error.message).toContain("as the manifest says");
  expect(pages).toEqual([]);
});

describe("cursors and units", () => {
  const source = opened({}, () => undefined, origin);
  const pagesAfter = async (cursor: string): Promise<void> => {
    const [unit] = await source.units();
    if (unit === undefined) throw new Error("no unit");
    for await (const _ of source.pages(unit, cursor, never()));
  };

  test.each(["x", "-1", "1.5", ""])("the cursor %j is refused", async (cursor) => {
    await expect(pagesAfter(cursor)).rejects.toThrow("the cursor is no number of a line; expected a cursor");
  });

  test("a cursor after the end of the file is refused", async () => {
    await expect(pagesAfter("6")).rejects.toThrow("the cursor is line 6; expected at most 5, the number of lines");
    await pagesAfter("5");
  });

  test("a segment of a table is refused", async () => {
    const pages = source.pages({ kind: "segment", segment: 0, segments: 1 }, undefined, never());
    await expect(pages[Symbol.asyncIterator]().next()).rejects.toThrow("the unit is segment 0/1; expected a data file");
  });

  test.each(["orders", "s3://bucket", "https://bucket/key.json", "s3://bucket/key"])(
    "the address %s is refused",
    (manifest) => {
      expect(() => exportSource({ manifest, origin })).toThrow(`the address is "${manifest}"; expected s3://bucket/`);
    },
  );
});
