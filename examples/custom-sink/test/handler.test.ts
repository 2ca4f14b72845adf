// Tests the function as in production: environment variables configure the function, and an event source mapping sends
// the events.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { decodeEnvelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("the handler", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  const environment = process.env;
  let folder = "";
  let path = "";
  let queueUrl = "";
  let handler: PipelineHandler;
  let answer: Awaited<ReturnType<PipelineHandler>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "custom-sink-"));
    path = join(folder, "orders.jsonl");
    ({ QueueUrl: queueUrl = "" } = await sqs.createQueue({ QueueName: "orders-dead-letters" }));
    const { region, credentials } = engine.clientConfig;
    process.env = {
      ...environment,
      CHANGE_LOG_PATH: path,
      SOURCE_TABLE: "Orders",
      DEAD_LETTER_QUEUE_URL: queueUrl,
      AWS_ENDPOINT_URL_SQS: engine.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      POWERTOOLS_LOG_LEVEL: "SILENT",
    };
    ({ handler } = await import("../src/handler.ts"));
    answer = await invoke();
  });

  afterAll(async () => {
    process.env = environment;
    sqs.destroy();
    await rm(folder, { recursive: true });
  });

  const table = tableHistory({ keyNames: ["orderId"] });
  const records = [
    table.put({ orderId: "o-1", total: 5 }),
    table.put({ orderId: "o-2", total: 1 }),
    table.put({ orderId: "o-1", total: 7, note: "line\nfeed" }),
    table.put({ orderId: "o-3", scan: "x".repeat(300_000) }),
    table.remove({ orderId: "o-2" }),
    table.put({ orderId: "o-3", total: 2 }),
  ];
  const tooLarge = records[3];

  const invoke = () => handler(streamEvent(records), lambdaContext({ remainingMs: 30_000 }));
  const lines = async () => (await readFile(path, "utf8")).trimEnd().split("\n");
  const linesOf = async (orderId: string) =>
    (await lines()).map((line) => JSON.parse(line)).filter(({ keys }) => keys.orderId === orderId);
  const takeDeadLetters = async () => {
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 });
    return Messages.map(({ Body = "" }) => decodeEnvelope(Body));
  };

  test("adds a line for every change, in order per item, except for a line that is too large", async () => {
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(await lines()).toHaveLength(5);
    expect(await linesOf("o-1")).toMatchObject([
      { kind: "insert", keys: { orderId: "o-1" }, after: { orderId: "o-1", total: 5 } },
      { kind: "modify", keys: { orderId: "o-1" }, after: { orderId: "o-1", total: 7, note: "line\nfeed" } },
    ]);
    const [inserted, removed] = await linesOf("o-2");
    expect(inserted).toMatchObject({ kind: "insert", after: { orderId: "o-2", total: 1 } });
    expect(removed).toEqual({
      kind: "remove",
      version: expect.any(String),
      keys: { orderId: "o-2" },
      idempotencyKey: expect.any(String),
    });
    expect(removed.version > inserted.version).toBe(true);
    expect(await linesOf("o-3")).toMatchObject([{ kind: "modify", after: { orderId: "o-3", total: 2 } }]);
  });

  test("dead-letters the whole record of the change whose line is too large, and no other record", async () => {
    const deadLetters = await takeDeadLetters();
    expect(deadLetters).toHaveLength(1);
    expect(deadLetters[0]).toMatchObject({
      pipeline: "change-log",
      sink: "json-lines",
      code: "SINK_TOO_LARGE",
      record: { eventID: tooLarge?.eventID, dynamodb: tooLarge?.dynamodb },
    });
  });

  test("repeats the lines with the same idempotency keys when the batch is redelivered", async () => {
    const before = await lines();
    await invoke();
    expect((await lines()).sort()).toEqual([...before, ...before].sort());
    expect(new Set((await lines()).map((line) => JSON.parse(line).idempotencyKey)).size).toBe(before.length);
  });
});
