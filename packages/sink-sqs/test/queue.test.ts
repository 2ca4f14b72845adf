// Tests of behaviour that only SQS has. A pipeline writes to a queue of fauxqs.

import { afterAll, describe, expect, test } from "@jest/globals";
import { type DeadLetterQueue, pipeline } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { streamEvent, tableHistory } from "@sluice/testing";
import { type SqsSinkOptions, sqsSink } from "../src/index.ts";
import { startTarget } from "./target.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, async () => startTarget(await startSqs()));

const silent = { info: () => undefined, warn: () => undefined };

const storedEnvelopes = () => {
  const deadLetters: Envelope[] = [];
  const deadLetterQueue: DeadLetterQueue = {
    write: async (envelopes) => {
      deadLetters.push(...envelopes);
      return { stored: new Set(envelopes), errors: [] };
    },
  };
  return { deadLetters, deadLetterQueue };
};

describeWithSqs("a pipeline into SQS", (target) => {
  const send = async (options: SqsSinkOptions, notes: readonly string[], asText = true) => {
    const { deadLetters, deadLetterQueue } = storedEnvelopes();
    const table = tableHistory();
    const handler = pipeline<{ note: string }>("notes", { deadLetterQueue, logger: silent })
      .to(sqsSink(options), ({ after }) => ({ body: asText ? after?.note : after }), { dedupe: "none" })
      .handler();
    const records = notes.map((note, index) => table.put({ pk: String(index), sk: "1", note }));
    const { batchItemFailures } = await handler(streamEvent(records));
    return { deadLetters, retried: batchItemFailures.length };
  };

  test("dead-letters a string that SQS would reject, with the reason", async () => {
    const queueUrl = await target.createQueue();
    const { deadLetters, retried } = await send({ queueUrl, client: target.client }, ["a", "b\u0000c", "d"]);
    expect(retried).toBe(0);
    expect(deadLetters.map(({ code, message }) => [code, message])).toEqual([
      ["SINK_REJECTED", expect.stringContaining("the character U+0000 at 1")],
    ]);
    expect((await target.drain(queueUrl)).map(({ body }) => body)).toEqual(["a", "d"]);
  });

  test("sends the same characters as JSON", async () => {
    const queueUrl = await target.createQueue();
    const note = "b\u0000\ud800\uffff";
    expect((await send({ queueUrl, client: target.client }, [note], false)).deadLetters).toEqual([]);
    const [message] = await target.drain(queueUrl);
    expect(JSON.parse(message?.body ?? "")).toMatchObject({ note });
  });

  test("sends a message of exactly 1 MiB with its attributes, and dead-letters one that is a byte larger", async () => {
    const queueUrl = await target.createQueue();
    await send({ queueUrl, client: target.client }, ["x"]);
    const [probe] = await target.drain(queueUrl);
    const taken = Object.entries(probe?.attributes ?? {}).reduce(
      (sum, [name, value]) => sum + name.length + "String".length + value.length,
      0,
    );
    const room = 1_048_576 - taken;
    const { deadLetters, retried } = await send({ queueUrl, client: target.client }, [
      "x".repeat(room),
      "y".repeat(room + 1),
    ]);
    expect(retried).toBe(0);
    expect(deadLetters.map(({ code, message }) => [code, message])).toEqual([
      ["SINK_TOO_LARGE", "[sqs] message is 1,048,577 bytes; the limit is 1,048,576"],
    ]);
    expect(await target.drain(queueUrl)).toHaveLength(1);
  });

  test("retries if the queue is missing, and dead-letters nothing", async () => {
    const queueUrl = await target.createQueue();
    await target.direct.deleteQueue({ QueueUrl: queueUrl });
    const { deadLetters, retried } = await send({ queueUrl, client: target.client }, ["a", "b"]);
    expect(deadLetters).toEqual([]);
    expect(retried).toBeGreaterThan(0);
  });

  test("does not store repeats in a FIFO queue", async () => {
    const queueUrl = await target.createQueue(".fifo");
    for (let attempt = 0; attempt < 3; attempt += 1) await send({ queueUrl, client: target.client }, ["a", "b"]);
    expect((await target.drain(queueUrl)).map(({ body }) => body)).toEqual(["a", "b"]);
  });

  test("delays a message as the mapper says", async () => {
    const queueUrl = await target.createQueue();
    const handler = pipeline("notes", { onReject: "block", logger: silent })
      .to(sqsSink({ queueUrl, client: target.client }), () => ({ body: "later", delaySeconds: 900 }), {
        dedupe: "none",
      })
      .handler();
    await handler(streamEvent([tableHistory().put({ pk: "a", sk: "1" })]));
    const { Attributes } = await target.direct.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ["All"] });
    expect(Attributes?.ApproximateNumberOfMessagesDelayed).toBe("1");
    expect(await target.drain(queueUrl)).toEqual([]);
  });

  test("creates a client from the environment if the options have no client", async () => {
    const queueUrl = await target.createQueue();
    const { region, credentials, endpoint } = target.engine.clientConfig;
    Object.assign(process.env, {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: endpoint,
    });
    const sink = sqsSink({ queueUrl });
    const handler = pipeline("notes", { onReject: "block", logger: silent })
      .to(sink, () => ({ body: "from the default client" }), { dedupe: "none" })
      .handler();
    expect(await handler(streamEvent([tableHistory().put({ pk: "a", sk: "1" })]))).toEqual({ batchItemFailures: [] });
    await sink.close?.();
    delete process.env.AWS_ENDPOINT_URL_SQS;
    expect((await target.drain(queueUrl)).map(({ body }) => body)).toEqual(["from the default client"]);
  });
});
