// The format is compared with the manifest of a real export of 2024.

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { memoryBucket, toImage, type WrittenExport, writeExport } from "@sluice/testing";

const items = ["a", "b", "c"].map((id) => toImage({ id, bytes: new Uint8Array([0, 255]) }));

const textOf = ({ objects }: WrittenExport, end: string): string => {
  const [, bytes] = [...objects].find(([key]) => key.endsWith(end)) ?? [];
  if (bytes === undefined) throw new Error(`no object ends with ${end}`);
  return Buffer.from(bytes).toString();
};

const summaryOf = (written: WrittenExport): Record<string, unknown> =>
  JSON.parse(textOf(written, "manifest-summary.json")) as Record<string, unknown>;

const entriesOf = (written: WrittenExport) =>
  textOf(written, "manifest-files.json")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { itemCount: number; md5Checksum: string; etag: string; dataFileS3Key: string });

const linesOf = ({ objects, dataKeys }: WrittenExport): string[] =>
  dataKeys.flatMap((key) =>
    gunzipSync(objects.get(key) ?? "")
      .toString()
      .trim()
      .split("\n"),
  );

/** The summary of a real export, from the tests of scylla-migrator. The account and the ids do not matter. */
const realSummary = {
  version: "2020-06-30",
  exportArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/S3ExportTest/export/01715685260608-c488b4e1",
  startTime: "2024-05-14T11:14:20.608Z",
  endTime: "2024-05-14T11:19:26.869Z",
  tableArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/S3ExportTest",
  tableId: "11991185-e7ab-4da5-8bab-03f0db0b7bfd",
  exportTime: "2024-05-14T11:14:20.608Z",
  s3Bucket: "test-bucket",
  s3Prefix: "dynamodb-export",
  s3SseAlgorithm: "AES256",
  s3SseKmsKeyId: null,
  manifestFilesS3Key: "dynamodb-export/AWSDynamoDB/01715685260608-c488b4e1/manifest-files.json",
  billedSizeBytes: 19,
  itemCount: 3,
  outputFormat: "DYNAMODB_JSON",
};

describe("a full export", () => {
  const written = writeExport({
    items,
    tableArn: realSummary.tableArn,
    bucket: realSummary.s3Bucket,
    prefix: realSummary.s3Prefix,
    exportTime: realSummary.exportTime,
    files: 2,
    emptyFiles: 2,
  });

  test("has the summary of a real one, but for ids, the size and the time of its end", () => {
    const summary = summaryOf(written);
    const [id = ""] = /\d{14}-[0-9a-f]{8}/.exec(written.manifest) ?? [];
    const idless = JSON.stringify({ ...summary, endTime: realSummary.endTime, billedSizeBytes: 19 }).replaceAll(
      id,
      "ID",
    );
    expect(idless).toBe(JSON.stringify(realSummary).replaceAll("01715685260608-c488b4e1", "ID"));
    expect(id.slice(0, 14)).toBe("01715685260608");
  });

  test("lists each data file with the MD5 of its compressed bytes, and empty files too", () => {
    const entries = entriesOf(written);
    expect(Object.keys(entries[0] ?? {})).toEqual(["itemCount", "md5Checksum", "etag", "dataFileS3Key"]);
    expect(entries).toHaveLength(4);
    for (const { md5Checksum, dataFileS3Key, etag } of entries) {
      const bytes = written.objects.get(dataFileS3Key) ?? "missing";
      expect(md5Checksum).toBe(createHash("md5").update(bytes).digest("base64"));
      expect(etag).toMatch(/^[0-9a-f]{32}-1$/);
      expect(dataFileS3Key).toMatch(/\/AWSDynamoDB\/\d{14}-[0-9a-f]{8}\/data\/[a-z2-7]{26}\.json\.gz$/);
    }
    expect(entries.reduce((sum, { itemCount }) => sum + itemCount, 0)).toBe(3);
  });

  test("has each item in one line, with bytes as base64", () => {
    const expected = items.map((item) => JSON.stringify({ Item: item }));
    expect(linesOf(written).sort()).toEqual([...expected].sort());
    expect(expected[0]).toBe('{"Item":{"id":{"S":"a"},"bytes":{"B":"AP8="}}}');
  });

  test("has the checksums of both manifests beside them", () => {
    for (const name of ["manifest-summary", "manifest-files"]) {
      const digest = createHash("md5")
        .update(textOf(written, `${name}.json`))
        .digest("base64");
      expect(textOf(written, `${name}.checksum`)).toBe(digest);
    }
    const keys = [...writeExport({ items, checksums: "md5" }).objects.keys()];
    expect(keys.filter((key) => key.endsWith(".md5"))).toHaveLength(2);
  });
});

describe("an incremental export", () => {
  const keys = toImage({ id: "a" });
  const change = {
    keys,
    newImage: toImage({ id: "a", n: 2 }),
    oldImage: toImage({ id: "a", n: 1 }),
    writtenAtMicros: 7,
  };

  test.each([
    ["attribute", { N: "7" }],
    ["number", 7],
    ["text", "7"],
  ] as const)("writes the time of a write as %s", (timestamps, expected) => {
    const written = writeExport({ type: "incremental", changes: [change], timestamps });
    expect(linesOf(written).map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        Metadata: { WriteTimestampMicros: expected },
        Keys: keys,
        OldImage: change.oldImage,
        NewImage: change.newImage,
      },
    ]);
  });

  test("leaves the old images out if only new ones are exported", () => {
    const written = writeExport({ type: "incremental", changes: [change], outputView: "NEW_IMAGE" });
    expect(Object.keys(JSON.parse(linesOf(written)[0] ?? "") as object)).toEqual(["Metadata", "Keys", "NewImage"]);
    expect(summaryOf(written)).toMatchObject({ exportType: "INCREMENTAL_EXPORT", outputView: "NEW_IMAGE" });
    expect(written.dataKeys[0]).toMatch(/^AWSDynamoDB\/data\//);
  });
});

test("equal options give equal bytes, and another seed another order", () => {
  const one = writeExport({ items, seed: 3 });
  expect(writeExport({ items, seed: 3 })).toEqual(one);
  expect(writeExport({ items, seed: 4 }).manifest).not.toBe(one.manifest);
});

test("the keys in the manifests may lack the prefix", () => {
  const written = writeExport({ items, prefix: "p", keysHavePrefix: false });
  expect(entriesOf(written).every(({ dataFileS3Key }) => dataFileS3Key.startsWith("AWSDynamoDB/"))).toBe(true);
  expect(summaryOf(written).manifestFilesS3Key).toMatch(/^AWSDynamoDB\//);
  expect([...written.objects.keys()].every((key) => key.startsWith("p/AWSDynamoDB/"))).toBe(true);
});

test.each([{ files: 0 }, { emptyFiles: -1 }, { file: 1 }])("refuses the options %j", (options) => {
  expect(() => writeExport({ items, ...options })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});

test("a bucket in memory has no other object, and serves no other bucket", async () => {
  const written = writeExport({ items });
  const bucket = memoryBucket(written);
  const key = written.dataKeys[0] ?? "";
  await expect(bucket.getObject({ Bucket: "exports", Key: "none" })).rejects.toMatchObject({ name: "NoSuchKey" });
  await expect(bucket.getObject({ Bucket: "other", Key: key })).rejects.toMatchObject({ name: "NoSuchBucket" });
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await bucket.getObject({ Bucket: "exports", Key: key })).Body) chunks.push(chunk);
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(written.objects.get(key) ?? ""));
});
