// Exports in a server of S3, read with the client of the SDK.

import { S3 } from "@aws-sdk/client-s3";
import { afterAll, describe, expect, test } from "@jest/globals";
import { exportSource, type SourcePage } from "@sluice/backfill";
import { engineOrSkip, startSqs } from "@sluice/local";
import { toImage, type WrittenExport, writeExport } from "@sluice/testing";
import { never, origin } from "../support/origin.ts";

// The server of SQS has S3, too.
const describeWithS3 = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithS3("an export in S3", ({ clientConfig }) => {
  const client = new S3({ ...clientConfig, forcePathStyle: true });
  afterAll(() => client.destroy());

  const upload = async ({ bucket, objects }: WrittenExport): Promise<void> => {
    await client.createBucket({ Bucket: bucket });
    for (const [Key, Body] of objects) await client.putObject({ Bucket: bucket, Key, Body });
  };

  const items = Array.from({ length: 5_000 }, (_, index) => toImage({ id: `item ${index}`, body: "ü".repeat(200) }));

  test("is read as a stream, with every item once", async () => {
    const written = writeExport({ items, bucket: "streamed", prefix: "p", files: 3 });
    await upload(written);
    const source = exportSource({ client, manifest: written.manifest, origin });
    const ids: unknown[] = [];
    for (const unit of await source.units()) {
      let last: SourcePage | undefined;
      for await (const page of source.pages(unit, undefined, never())) {
        ids.push(...page.records.map(({ eventID }) => eventID));
        last = page;
      }
      expect(last?.cursor).toBeUndefined();
    }
    expect(ids).toHaveLength(5_000);
    expect(new Set(ids).size).toBe(5_000);
  });

  test("whose data file is missing is refused, and read to its end when the file is back", async () => {
    const written = writeExport({ items: items.slice(0, 10), bucket: "missing", files: 1, emptyFiles: 0 });
    await upload(written);
    const [Key = ""] = written.dataKeys;
    await client.deleteObject({ Bucket: "missing", Key });
    const source = exportSource({ client, manifest: written.manifest, origin });
    const [unit] = await source.units();
    const read = async (): Promise<number> => {
      let records = 0;
      if (unit !== undefined) {
        for await (const page of source.pages(unit, undefined, never())) records += page.records.length;
      }
      return records;
    };
    const found = `[s3://missing/${Key}] S3 answered NoSuchKey`;
    await expect(read()).rejects.toMatchObject({ name: "SourceError", message: expect.stringContaining(found) });
    await client.putObject({ Bucket: "missing", Key, Body: written.objects.get(Key) ?? "" });
    expect(await read()).toBe(10);
  });

  test("of a missing bucket is refused", async () => {
    const source = exportSource({ client, manifest: "s3://nowhere/AWSDynamoDB/1/manifest-summary.json", origin });
    await expect(source.units()).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringMatching(/^\[s3:\/\/nowhere\/.*\] S3 answered NoSuchBucket/),
    });
  });
});
