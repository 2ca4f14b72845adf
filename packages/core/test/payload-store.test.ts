import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../src/envelope.ts";
import { type BatchResponse, pipeline, s3PayloadStore, sqsDeadLetterQueue } from "../src/index.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";

test.each([
  ["bucket", { bucket: "" }],
  ["prefix", { bucket: "b", prefix: "" }],
  ["client", { bucket: "b", client: {} as never }],
])("s3PayloadStore refuses its %s by name", (option, options) => {
  expect(() => s3PayloadStore(options)).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(option) }),
  );
});

// startSqs starts fauxqs, which serves both SQS and S3.
const describeWithS3 = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithS3("a record that is too large for a message", (engine) => {
  const s3 = new S3({ ...engine.clientConfig, forcePathStyle: true });
  const sqs = new SQS(engine.clientConfig);
  afterAll(() => {
    s3.destroy();
    sqs.destroy();
  });

  /** A large record that gzip cannot compress. */
  const giant = (pk: string, position: number) =>
    streamRecord({ after: { pk, sk: "1", noise: randomBytes(900_000).toString("base64") }, position });

  const setUp = async (name: string, answers: Record<string, Answer>) => {
    await s3.createBucket({ Bucket: name });
    const { QueueUrl = "" } = await sqs.createQueue({ QueueName: name });
    const payloadStore = s3PayloadStore({ bucket: name, client: s3 as never });
    const sink = scriptedSink({
      writes: "upsert",
      answer: ({ change }) => answers[String(change.keys.pk)] ?? "delivered",
    });
    const logger = recordingLogger();
    const handler = pipeline("p", {
      deadLetterQueue: sqsDeadLetterQueue({ queueUrl: QueueUrl, client: sqs, payloadStore }),
      logger,
    })
      .to(sink, ({ keys }) => keys.pk)
      .handler();
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
    const receive = async () => {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, VisibilityTimeout: 0, MaxNumberOfMessages: 10 });
      return Messages;
    };
    const redrive = async (queueArn = Attributes?.QueueArn): Promise<BatchResponse> =>
      handler(
        {
          Records: (await receive()).map(({ MessageId, Body, ReceiptHandle }) => ({
            messageId: MessageId,
            body: Body,
            receiptHandle: ReceiptHandle,
            eventSourceARN: queueArn,
          })),
        },
        lambdaContext(),
      );
    const objects = async (): Promise<number> => (await s3.listObjectsV2({ Bucket: name })).Contents?.length ?? 0;
    return { handler, sink, logger, receive, redrive, objects, bucket: name };
  };

  test("is stored in S3, fetched by the redrive, and deleted only after success", async () => {
    const answers: Record<string, Answer> = { a: "SINK_REJECTED" };
    const { handler, sink, receive, redrive, objects } = await setUp("records", answers);
    const record = giant("a", 1);
    expect(await handler(streamEvent([record]), lambdaContext())).toEqual({ batchItemFailures: [] });
    const [message] = await receive();
    expect(Buffer.byteLength(message?.Body ?? "")).toBeLessThan(1_000);
    expect(decodeEnvelope(message?.Body ?? "")).toMatchObject({
      record: {},
      recordUrl: expect.stringMatching(/^s3:\/\/records\/sluice\/records\/[0-9a-f-]{36}\.json\.gz$/),
    });
    expect(await objects()).toBe(1);

    expect((await redrive()).batchItemFailures).toHaveLength(1);
    expect(await objects()).toBe(1);
    delete answers.a;
    expect(await redrive()).toEqual({ batchItemFailures: [] });
    expect(sink.taken.map(({ change }) => change.record)).toEqual([record]);
    // The handler must delete the message itself, because Lambda would delete it only after the object is deleted.
    expect(await receive()).toEqual([]);
    expect(await objects()).toBe(0);
  });

  test("stays in S3 if its message is in a queue of another pipeline", async () => {
    const answers: Record<string, Answer> = { a: "SINK_REJECTED" };
    const { handler, redrive, objects, receive } = await setUp("other-queue", answers);
    await handler(streamEvent([giant("a", 1)]), lambdaContext());
    delete answers.a;
    expect(await redrive("arn:aws:sqs:us-east-1:000000000000:other")).toEqual({ batchItemFailures: [] });
    expect([await objects(), (await receive()).length]).toEqual([1, 1]);
  });

  test("is deleted only by a name that the store has given", async () => {
    const { bucket } = await setUp("named", {});
    const payloadStore = s3PayloadStore({ bucket, prefix: "rec", client: s3 });
    const url = await payloadStore.put(gzipSync("{}"));
    const name = url.slice(`s3://${bucket}/rec`.length);
    const others = [`records/${name}`, "", "x.json.gz", `${name}/x`, `../rec${name}`];
    for (const other of others) {
      const removed = payloadStore.remove(`s3://${bucket}/rec${other}`);
      await expect(removed).rejects.toMatchObject({ code: "RECORD_MALFORMED" });
    }
    await payloadStore.remove(url);
    await expect(payloadStore.get(url)).rejects.toMatchObject({ code: "RECORD_LOST" });
  });

  test("is reported as lost if its object is missing or truncated; an object of another bucket is not fetched", async () => {
    const { handler, bucket } = await setUp("gone", {});
    const bodyOf = (recordUrl: string): string =>
      encodeEnvelope({
        v: 1,
        id: "i",
        pipeline: "p",
        sink: "scripted",
        code: "SINK_REJECTED",
        message: "",
        attempts: 1,
        firstFailedAt: "2026-01-02T03:04:05.000Z",
        record: undefined as never,
        recordUrl,
      } satisfies Envelope);
    const task = (body: string) => ({ sluice: { task: "redrive" }, Records: [{ messageId: "m", body }] });
    const outcome = async (url: string) => (await handler(task(bodyOf(url)), lambdaContext())).outcomes?.[0];
    expect(await outcome(`s3://${bucket}/sluice/records/none.json.gz`)).toMatchObject({
      outcome: "rejected",
      code: "RECORD_LOST",
    });
    const [truncated, empty] = ["cut", "none"].map((name) => `sluice/records/${name}2.json.gz`) as [string, string];
    await s3.putObject({
      Bucket: bucket,
      Key: truncated,
      Body: gzipSync(JSON.stringify(giant("a", 1))).subarray(0, 1_000),
    });
    await s3.putObject({ Bucket: bucket, Key: empty, Body: gzipSync("null") });
    for (const key of [truncated, empty]) {
      expect(await outcome(`s3://${bucket}/${key}`)).toMatchObject({
        outcome: "rejected",
        code: "RECORD_LOST",
        message: expect.stringContaining(key),
      });
    }
    expect(await outcome("s3://other/sluice/records/none.json.gz")).toMatchObject({
      outcome: "retried",
      code: "RECORD_MALFORMED",
    });
  });

  test("that is in S3 already is not stored again, and its message has only the address", async () => {
    const { QueueUrl: queueUrl = "" } = await sqs.createQueue({ QueueName: "in-s3" });
    const recordUrl = "s3://records/sluice/records/a.json.gz";
    const envelope: Envelope = {
      v: 1,
      id: "i",
      pipeline: "p",
      sink: "s",
      code: "SINK_DENIED",
      message: "",
      attempts: 1,
      firstFailedAt: "2026-01-02T03:04:05.000Z",
      record: {},
      recordUrl,
    };
    const { stored } = await sqsDeadLetterQueue({ queueUrl, client: sqs }).write([envelope]);
    expect(stored.size).toBe(1);
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: queueUrl });
    const { record: _, ...rest } = envelope;
    expect(JSON.parse(Messages[0]?.Body ?? "")).toEqual(rest);
  });

  test("is deleted from S3 if its message could not be sent", async () => {
    await s3.createBucket({ Bucket: "unsent" });
    const payloadStore = s3PayloadStore({ bucket: "unsent", client: s3 as never });
    const queueUrl = `${engine.endpoint}/000000000000/none`;
    const { stored, errors } = await sqsDeadLetterQueue({ queueUrl, client: sqs, payloadStore }).write([
      {
        v: 1,
        id: "i",
        pipeline: "p",
        sink: "s",
        code: "SINK_REJECTED",
        message: "",
        attempts: 1,
        firstFailedAt: "2026-01-02T03:04:05.000Z",
        record: giant("a", 1),
      },
    ]);
    expect([stored.size, errors.length]).toEqual([0, 1]);
    expect((await s3.listObjectsV2({ Bucket: "unsent" })).Contents ?? []).toEqual([]);
  });
});
