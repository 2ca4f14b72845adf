// Tests of dead letters whose records are stored in S3. The command reads the records to put the messages in order.
// The handler delivers the records. The command deletes a message from the queue, and then its record from S3.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { s3PayloadStore } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { revisionsIn, sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue } from "./support/dead-letters.ts";
import { bad } from "./support/shop.ts";
import { runSluice } from "./support/sluice.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("a dead letter whose record is stored in S3", (engine) => {
  const client = new SQS(engine.clientConfig);
  const s3 = new S3({ ...engine.clientConfig, forcePathStyle: true });
  const bucket = `payloads-${process.pid}`;
  const payloadStore = s3PayloadStore({ bucket, client: s3 });
  const store = ["--payload-store", `s3://${bucket}`];
  const env = { AWS_ENDPOINT_URL_S3: engine.endpoint };
  const folders: string[] = [];
  const newFile = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-payloads-"));
    folders.push(folder);
    return join(folder, "deleted.ndjson");
  };
  afterAll(async () => {
    client.destroy();
    s3.destroy();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  /** Stores the record in S3, and returns the message's body. */
  const withRecordInS3 = async (deadLetter: Envelope): Promise<string> => {
    const { record, ...rest } = deadLetter;
    return JSON.stringify({ ...rest, recordUrl: await payloadStore.put(gzipSync(JSON.stringify(record))) });
  };
  const objects = async (): Promise<number> => ((await s3.listObjectsV2({ Bucket: bucket })).Contents ?? []).length;
  const deadLetterQueue = { write: async () => ({ stored: new Set<Envelope>(), errors: [] }), payloadStore };

  test("is delivered in order, and its record is deleted only after success", async () => {
    await s3.createBucket({ Bucket: bucket });
    await withShop(
      async ({ shop, redrive }) => {
        const queue = await newQueue(client);
        const latest = deadLetterOf("a", 3, { sink: "feed" });
        await queue.fill([
          await withRecordInS3(latest),
          await withRecordInS3(deadLetterOf("a", 1, { sink: "feed" })),
          deadLetterOf("a", 2, { sink: "feed" }),
          await withRecordInS3(latest),
          await withRecordInS3(deadLetterOf(bad, 9)),
        ]);
        const ended = await redrive(queue.url, ...store);
        expect(sumOf(ended)).toBe("5 received = 3 delivered + 1 rejected + 1 copy");
        expect(shop.feed.sent().map(({ message }) => message.revision)).toEqual([1, 2, 3]);
        expect(await objects()).toBe(1);
        const byKey = await redrive(queue.url, ...store, "--key", '{"pk":"elsewhere"}');
        expect(sumOf(byKey)).toBe("1 received = 1 not selected");
      },
      { env, deadLetterQueue },
    );
  });

  test("is rejected when its record is lost, and does not hold back other dead letters", () =>
    withShop(
      async ({ shop, redrive }) => {
        const queue = await newQueue(client);
        const body = await withRecordInS3(deadLetterOf("gone", 1));
        await payloadStore.remove((JSON.parse(body) as { recordUrl: string }).recordUrl);
        await queue.fill([body, deadLetterOf("b", 2)]);
        const ended = await redrive(queue.url, ...store);
        expect(sumOf(ended)).toBe("2 received = 1 delivered + 1 rejected");
        expect(ended.stdout).toMatch(/^lost: the object s3:/m);
        expect(revisionsIn(shop)).toEqual({ b: 2 });
      },
      { env, deadLetterQueue },
    ));

  test("is exported with its record, and deleted with it", async () => {
    const queue = await newQueue(client);
    const deadLetter = deadLetterOf("a", 5);
    const before = await objects();
    await queue.fill([await withRecordInS3(deadLetter)]);
    const exported = await runSluice(["dead-letters", "export", queue.url, ...store], { env });
    expect(
      exported.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ).toEqual([deadLetter]);
    expect(await objects()).toBe(before + 1);
    const deleted = await runSluice(
      ["dead-letters", "delete", queue.url, ...store, "--yes", "--out", await newFile()],
      { env },
    );
    expect(deleted).toMatchObject({ code: 0, stdout: expect.stringContaining("1 dead letter deleted") });
    expect(await objects()).toBe(before);
    expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
  });

  test.each(["gone", "cut off"])("is exported with the record's URL when the record is %s", async (how) => {
    const queue = await newQueue(client);
    const body = await withRecordInS3(deadLetterOf("a", 7));
    const { recordUrl } = JSON.parse(body) as { readonly recordUrl: string };
    if (how === "gone") await payloadStore.remove(recordUrl);
    else await s3.putObject({ Bucket: bucket, Key: recordUrl.split(`${bucket}/`)[1] ?? "", Body: "half" });
    await queue.fill([body]);
    const exported = await runSluice(["dead-letters", "export", queue.url, ...store], { env });
    expect(JSON.parse(exported.stdout)).toEqual(JSON.parse(body));
    expect(exported.stderr).toContain("1 record not found in S3, at the URL in the dead letter\n");
    const shown = await runSluice(["dead-letters", "show", queue.url, deadLetterOf("a", 7).id, "--values", ...store], {
      env,
    });
    expect(shown.stdout).toMatch(/^record {8}not found at s3:\S+\nmessages {6}1\n$/m);
    expect(shown.stdout).not.toContain("change");
  });

  test.each(["no store", "another store"])("in another bucket is neither read nor deleted, with %s", async (which) => {
    const queue = await newQueue(client);
    const Bucket = `foreign-${process.pid}`;
    await s3.createBucket({ Bucket }).catch(() => undefined);
    const foreign = s3PayloadStore({ bucket: Bucket, client: s3 });
    const { record, ...rest } = deadLetterOf("a", 6);
    const recordUrl = await foreign.put(gzipSync(JSON.stringify(record)));
    await queue.fill([JSON.stringify({ ...rest, recordUrl })]);
    const args = which === "no store" ? [] : store;
    await withShop(
      async ({ lambda, redrive }) => {
        const ended = await redrive(queue.url, ...args);
        expect(ended.stdout).toMatch(/^1 received = 1 unsupported\n.*outside of the store that --payload-store names/);
        expect([ended.code, lambda.invocations.length]).toEqual([1, 0]);
      },
      { env, deadLetterQueue },
    );
    const exported = await runSluice(["dead-letters", "export", queue.url, ...args], { env });
    expect(exported.stderr).toContain("1 record in S3 not read: outside of the store");
    const shown = await runSluice(["dead-letters", "show", queue.url, rest.id, ...args], { env });
    expect(shown.stdout).toMatch(/^record {8}not read from s3:/m);
    const out = await newFile();
    const deleted = await runSluice(["dead-letters", "delete", queue.url, ...args, "--yes", "--out", out], { env });
    expect(deleted.stderr).toContain(`${recordUrl} could not be removed: the record is not in the store`);
    expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
    expect(await foreign.get(recordUrl)).toBeInstanceOf(Uint8Array);
  });
});
