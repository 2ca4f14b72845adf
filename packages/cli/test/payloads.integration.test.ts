// Letters whose records stand in S3: fetched for their order, delivered by the handler, removed after their messages.

import { gzipSync } from "node:zlib";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { s3PayloadStore } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { revisionsIn, sumOf, withShop } from "./support/bench.ts";
import { letterOf, newQueue } from "./support/dead-letters.ts";
import { poison } from "./support/shop.ts";
import { runSluice } from "./support/sluice.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("a letter whose record stands in S3", (engine) => {
  const client = new SQS(engine.clientConfig);
  const s3 = new S3({ ...engine.clientConfig, forcePathStyle: true });
  const bucket = `claims-${process.pid}`;
  const payloadStore = s3PayloadStore({ bucket, client: s3 });
  const env = { AWS_ENDPOINT_URL_S3: engine.endpoint };
  afterAll(() => {
    client.destroy();
    s3.destroy();
  });

  /** The body of the letter, its record put in S3. */
  const claimed = async (letter: Envelope): Promise<string> => {
    const { record, ...rest } = letter;
    return JSON.stringify({ ...rest, recordUrl: await payloadStore.put(gzipSync(JSON.stringify(record))) });
  };
  const objects = async (): Promise<number> => ((await s3.listObjectsV2({ Bucket: bucket })).Contents ?? []).length;
  const deadLetterQueue = { write: async () => ({ stored: new Set<Envelope>(), errors: [] }), payloadStore };

  test("is delivered in its order; its record goes after success, and stays otherwise", async () => {
    await s3.createBucket({ Bucket: bucket });
    await withShop(
      async ({ shop, redrive }) => {
        const queue = await newQueue(client);
        const latest = letterOf("a", 3, { sink: "feed" });
        await queue.fill([
          await claimed(latest),
          await claimed(letterOf("a", 1, { sink: "feed" })),
          letterOf("a", 2, { sink: "feed" }),
          await claimed(latest),
          await claimed(letterOf(poison, 9)),
        ]);
        const ended = await redrive(queue.url);
        expect(sumOf(ended)).toBe("5 received = 3 delivered + 1 rejected + 1 copy");
        expect(shop.feed.sent().map(({ message }) => message.revision)).toEqual([1, 2, 3]);
        expect(await objects()).toBe(1);
        const byKey = await redrive(queue.url, "--key", '{"pk":"elsewhere"}');
        expect(sumOf(byKey)).toBe("1 received = 1 not asked for");
      },
      { env, deadLetterQueue },
    );
  });

  test("is rejected as lost when the record is gone, and others are not held up", () =>
    withShop(
      async ({ shop, redrive }) => {
        const queue = await newQueue(client);
        const body = await claimed(letterOf("gone", 1));
        await payloadStore.remove((JSON.parse(body) as { recordUrl: string }).recordUrl);
        await queue.fill([body, letterOf("b", 2)]);
        const ended = await redrive(queue.url);
        expect(sumOf(ended)).toBe("2 received = 1 delivered + 1 rejected");
        expect(ended.stdout).toMatch(/^lost: the object s3:/m);
        expect(revisionsIn(shop)).toEqual({ b: 2 });
      },
      { env, deadLetterQueue },
    ));

  test("is exported whole, and dropped with its record", async () => {
    const queue = await newQueue(client);
    const letter = letterOf("a", 5);
    const before = await objects();
    await queue.fill([await claimed(letter)]);
    const exported = await runSluice(["dead-letters", "export", queue.url], { env });
    expect(
      exported.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ).toEqual([letter]);
    expect(await objects()).toBe(before + 1);
    const dropped = await runSluice(
      ["dead-letters", "drop", queue.url, "--yes", "--out", `/tmp/sluice-drop-${process.pid}`],
      { env },
    );
    expect(dropped).toMatchObject({ code: 0, stdout: expect.stringContaining("1 dead letter dropped") });
    expect(await objects()).toBe(before);
    expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
  });

  test.each(["gone", "cut off"])(
    "says so when that is %s; its export keeps the address in place of it",
    async (how) => {
      const queue = await newQueue(client);
      const body = await claimed(letterOf("a", 7));
      const { recordUrl } = JSON.parse(body) as { readonly recordUrl: string };
      if (how === "gone") await payloadStore.remove(recordUrl);
      else await s3.putObject({ Bucket: bucket, Key: recordUrl.split(`${bucket}/`)[1] ?? "", Body: "half" });
      await queue.fill([body]);
      const exported = await runSluice(["dead-letters", "export", queue.url], { env });
      expect(JSON.parse(exported.stdout)).toEqual(JSON.parse(body));
      expect(exported.stderr).toContain("1 record not to be found in S3, where the letters say\n");
      const shown = await runSluice(["dead-letters", "show", queue.url, letterOf("a", 7).id, "--values"], { env });
      expect(shown.stdout).toMatch(/^record {8}not to be found where it was kept: s3:\S+\nmessages {6}1\n$/m);
      expect(shown.stdout).not.toContain("change");
    },
  );

  test("of somebody's making does not make us delete what is no record of ours", async () => {
    const queue = await newQueue(client);
    await s3.putObject({ Bucket: bucket, Key: "precious.json.gz", Body: gzipSync("{}") });
    const { record: _, ...rest } = letterOf("a", 6);
    await queue.fill([JSON.stringify({ ...rest, recordUrl: `s3://${bucket}/precious.json.gz` })]);
    const before = await objects();
    await runSluice(["dead-letters", "drop", queue.url, "--yes", "--out", `/tmp/sluice-drop-precious-${process.pid}`], {
      env,
    });
    expect(await objects()).toBe(before);
    expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
  });
});
