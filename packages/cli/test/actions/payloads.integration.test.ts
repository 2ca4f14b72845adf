// Dead letters whose records are in the payload store of the module's own pipeline: list, show, export, edit, drop.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline, s3PayloadStore, sqsDeadLetterQueue, type UnknownItem } from "@sluice/core";
import { engineOrSkip, startSqs } from "@sluice/local";
import { memoryUpsertSink } from "@sluice/testing";
import { actionsOf } from "../../src/actions/actions.ts";
import { deadLetterOf, newQueue } from "../support/dead-letters.ts";
import { never } from "./place.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("records in S3", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  const s3 = new S3({ ...engine.clientConfig, forcePathStyle: true });
  afterAll(() => {
    sqs.destroy();
    s3.destroy();
  });

  test("are read, edited and dropped by the place that the pipeline tells", async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local-secret" });
    const Bucket = `records-${process.pid}`;
    await s3.createBucket({ Bucket });
    const queue = await newQueue(sqs);
    const payloadStore = s3PayloadStore({ bucket: Bucket, prefix: "own/", client: s3 as never });
    const stored = async (name: string, position: number) => {
      const letter = deadLetterOf(name, position);
      const recordUrl = await payloadStore.put(gzipSync(JSON.stringify(letter.record)));
      const { record: _, ...rest } = letter;
      return { letter, body: JSON.stringify({ ...rest, recordUrl }) };
    };
    const letters = [await stored("a", 1), await stored("b", 2)];
    const [a, b] = letters.map(({ letter }) => letter);
    await queue.fill(letters.map(({ body }) => body));
    const orders = memoryUpsertSink<UnknownItem>({ name: "orders" });
    const shop = pipeline("shop", {
      deadLetterQueue: sqsDeadLetterQueue({ queueUrl: queue.url, client: sqs as never, payloadStore }),
      logger: { info: () => undefined, warn: () => undefined },
    }).to(orders, ({ after }) => after as UnknownItem);
    const directory = await mkdtemp(join(tmpdir(), "sluice-payloads-"));
    const actions = actionsOf({
      module: { pipeline: shop as never, exportName: "shop", exports: {}, close: async () => undefined },
      modulePath: "shop.ts",
      table: undefined,
      functionName: undefined,
      queues: [{ pipeline: "shop", kind: "dead letters", name: "dead", url: queue.url }],
      aws: { endpointUrl: engine.endpoint, region: "us-east-1" },
      directory,
    });
    const objects = async () => (await s3.listObjectsV2({ Bucket })).Contents?.length ?? 0;
    const page = await actions.deadLetters(queue.url, never);
    expect(page.rows.map(({ id, isStored, keys }) => ({ id, isStored, keys }))).toEqual(
      [a, b].map((letter) => ({ id: letter?.id, isStored: true, keys: letter?.record.dynamodb?.Keys })),
    );
    const view = await actions.deadLetter(queue.url, a?.id ?? "", never);
    expect(view.newImage).toEqual(a?.record.dynamodb?.NewImage);
    const newImage = { ...view.newImage, note: { S: "mended" } };
    const edit = { queueUrl: queue.url, id: a?.id ?? "", newImage };
    expect(await actions.editDeadLetter(edit, never)).toMatchObject({ outcome: "delivered", stays: false });
    expect([...orders.items().values()]).toMatchObject([{ pk: "a", note: "mended" }]);
    expect(await objects()).toBe(1);
    const dropped = await actions.dropDeadLetters({ queueUrl: queue.url, ids: [b?.id ?? ""] }, never);
    expect(JSON.parse(await readFile(dropped.file, "utf8")).record).toEqual(b?.record);
    expect(await objects()).toBe(0);
    const input = { kind: "redrive", pipeline: "shop", queueUrl: queue.url } as const;
    expect(actions.commandOf(input)).toContain(`--payload-store s3://${Bucket}/own/`);
    await rm(directory, { recursive: true });
  });
});
