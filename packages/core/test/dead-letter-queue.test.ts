import { randomBytes } from "node:crypto";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { lambdaContext, sqsEvent, streamRecord } from "@sluice/testing";
import { decodeEnvelope, type Envelope, encodeEnvelope, type SqsSender } from "../src/envelope.ts";
import { pipeline, sqsDeadLetterQueue } from "../src/index.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const maxBytes = 1_048_576;
const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/orders-dead-letters";

const envelope = (text: string, changes: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: `event-${text.length}:postgres`,
  pipeline: "orders",
  sink: "postgres",
  code: "SINK_REJECTED",
  message: "refused",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: streamRecord({ after: { pk: "a", sk: "1", text } }),
  ...changes,
});

type Input = Parameters<SqsSender["sendMessageBatch"]>[0];

/** A fake SQS queue with the operations that core uses. It accepts a message if `accepts` returns true for the body. */
const queue = (accepts: (body: string) => boolean = () => true) => {
  const requests: Input[] = [];
  const client: SqsSender = {
    sendMessageBatch: async (input) => {
      requests.push(input);
      const accepted = input.Entries.filter(({ MessageBody }) => accepts(MessageBody));
      const refused = input.Entries.filter((entry) => !accepted.includes(entry));
      return { Successful: accepted.map(({ Id }) => ({ Id })), Failed: refused.map(() => ({ Code: "InternalError" })) };
    },
  };
  return { requests, client };
};

/** Size of an entry in bytes, as SQS counts it. */
const bytesOf = ({ MessageBody, MessageAttributes }: Input["Entries"][number]): number =>
  Object.entries(MessageAttributes).reduce(
    (sum, [name, { DataType, StringValue }]) => sum + Buffer.byteLength(`${name}${DataType}${StringValue}`),
    Buffer.byteLength(MessageBody),
  );

/** Random text, which gzip cannot compress to less than half its size. */
const noise = (bytes: number): string =>
  randomBytes(Math.ceil(bytes / 2))
    .toString("hex")
    .slice(0, bytes);

describe("an envelope", () => {
  test("is decoded unchanged, with every character that JSON can hold", () => {
    const awkward = envelope('"\\\u0000\u0007\n\t\ufffe\uffff\ud800 \u2028 😀 é');
    const body = encodeEnvelope(awkward);
    expect(decodeEnvelope(body)).toEqual(awkward);
    // SQS accepts #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.
    // JSON escapes #x9, #xA and #xD, so the pattern omits these three.
    expect(body).toMatch(/^[\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
  });

  test.each([-1, 0, 1])(
    "%i bytes over the limit, counted in UTF-8, is compressed only if it exceeds the limit",
    (difference) => {
      const base = Buffer.byteLength(encodeEnvelope(envelope("x", { message: "é" })));
      const padded = envelope("x", { message: `é${"x".repeat(4_000 - base + difference)}` });
      const body = encodeEnvelope(padded, 4_000);
      expect(Buffer.byteLength(JSON.stringify(padded))).toBe(4_000 + difference);
      expect("recordGzip" in JSON.parse(body)).toBe(difference > 0);
      expect(decodeEnvelope(body)).toEqual(padded);
    },
  );

  test.each([
    ["malformed JSON", "{"],
    ["a number", "5"],
    ["null", "null"],
    ["an array", "[]"],
    ["a later version", JSON.stringify({ ...envelope("x"), v: 2 })],
    ["a record that is null", JSON.stringify({ ...envelope("x"), record: null })],
    ["no sink", JSON.stringify({ ...envelope("x"), sink: undefined })],
    ["attempts that are text", JSON.stringify({ ...envelope("x"), attempts: "1" })],
    ["a malformed archive", JSON.stringify({ ...envelope("x"), record: undefined, recordGzip: "????" })],
    ["half an archive", encodeEnvelope(envelope("x".repeat(200)), 10).replace(/.{20}"}$/, '"}')],
  ])("is not decoded from %s", (_name, body) => {
    expect(decodeEnvelope(body)).toBeUndefined();
  });
});

describe("sqsDeadLetterQueue", () => {
  test("sends ten messages a request, each with its pipeline, sink and code", async () => {
    const { client, requests } = queue();
    const envelopes = Array.from({ length: 21 }, (_, index) => envelope("x".repeat(index)));
    const { stored, errors } = await sqsDeadLetterQueue({ queueUrl, client }).write(envelopes);
    expect(stored).toEqual(new Set(envelopes));
    expect(errors).toEqual([]);
    expect(requests.map(({ Entries }) => Entries.length)).toEqual([10, 10, 1]);
    expect(requests[0]?.QueueUrl).toBe(queueUrl);
    expect(requests[0]?.Entries[0]?.MessageAttributes).toEqual({
      pipeline: { DataType: "String", StringValue: "orders" },
      sink: { DataType: "String", StringValue: "postgres" },
      code: { DataType: "String", StringValue: "SINK_REJECTED" },
    });
    expect(requests[0]?.Entries[0]).not.toHaveProperty("MessageGroupId");
  });

  test("keeps a request within the size limit, which includes attributes", async () => {
    const { client, requests } = queue();
    const envelopes = Array.from({ length: 8 }, (_, index) => envelope("é".repeat(130_000 + index)));
    expect((await sqsDeadLetterQueue({ queueUrl, client }).write(envelopes)).stored.size).toBe(8);
    const totals = requests.map(({ Entries }) => Entries.reduce((sum, entry) => sum + bytesOf(entry), 0));
    for (const total of totals) expect(total).toBeLessThanOrEqual(maxBytes);
    expect(requests.map(({ Entries }) => Entries.length)).toEqual([4, 4]);
  });

  test.each([-1, 0, 1])("sends a message that is %i bytes over the limit with its attributes", async (difference) => {
    const text = "x".repeat(900_000);
    const first = queue();
    await sqsDeadLetterQueue({ queueUrl, client: first.client }).write([envelope(text, { message: "é" })]);
    const missing = maxBytes - bytesOf(first.requests[0]?.Entries[0] as Input["Entries"][number]);
    const padded = envelope(text, { message: `é${"x".repeat(missing + difference)}` });
    const { client, requests } = queue();
    expect((await sqsDeadLetterQueue({ queueUrl, client }).write([padded])).stored.size).toBe(1);
    const entry = requests[0]?.Entries[0] as Input["Entries"][number];
    if (difference > 0) expect(bytesOf(entry)).toBeLessThan(maxBytes);
    else expect(bytesOf(entry)).toBe(maxBytes + difference);
    expect(decodeEnvelope(entry.MessageBody)).toEqual(padded);
  });

  test("reports an envelope that is too large even when compressed, and stores the other envelopes", async () => {
    const { client } = queue();
    const giant = envelope(noise(3_000_000));
    const plain = envelope("x");
    const { stored, errors } = await sqsDeadLetterQueue({ queueUrl, client }).write([giant, plain]);
    expect(stored).toEqual(new Set([plain]));
    expect(errors).toMatchObject([{ code: "SINK_TOO_LARGE" }]);
  });

  test("reports a message as stored only if SQS reports it as successful", async () => {
    const { client } = queue((body) => !body.includes("bad"));
    const [good, bad] = [envelope("fine"), envelope("bad")];
    const { stored, errors } = await sqsDeadLetterQueue({ queueUrl, client }).write([bad, good]);
    expect(stored).toEqual(new Set([good]));
    expect(errors).toHaveLength(1);
    expect(String(errors[0])).toContain("InternalError");
  });

  test("a failed request does not affect the messages of other requests", async () => {
    let requests = 0;
    const client: SqsSender = {
      sendMessageBatch: async ({ Entries }) => {
        requests += 1;
        if (requests === 1) throw new Error("socket hang up");
        return { Successful: Entries.map(({ Id }) => ({ Id })) };
      },
    };
    const envelopes = Array.from({ length: 12 }, (_, index) => envelope("x".repeat(index)));
    const { stored, errors } = await sqsDeadLetterQueue({ queueUrl, client }).write(envelopes);
    expect(stored).toEqual(new Set(envelopes.slice(10)));
    expect(errors).toMatchObject([{ message: "socket hang up" }]);
  });

  test("reports no message as stored after a response without lists", async () => {
    const client: SqsSender = { sendMessageBatch: async () => ({}) };
    expect((await sqsDeadLetterQueue({ queueUrl, client }).write([envelope("x")])).stored.size).toBe(0);
  });

  test("groups by item and sink on a FIFO queue, and gives a repeated message the same deduplication id", async () => {
    const { client, requests } = queue();
    const other = streamRecord({ after: { pk: "b", sk: "1" }, position: 2 });
    const envelopes = [envelope("x"), envelope("xx"), envelope("x", { sink: "sns" }), envelope("x", { record: other })];
    const deadLetterQueue = sqsDeadLetterQueue({ queueUrl: `${queueUrl}.fifo`, client });
    await deadLetterQueue.write(envelopes);
    await deadLetterQueue.write(envelopes.slice(0, 1));
    // The second message of a group is sent only after the first message is stored, so the group needs two requests.
    expect(requests.map(({ Entries }) => Entries.length)).toEqual([3, 1, 1]);
    const entries = requests.flatMap(({ Entries }) => Entries);
    const groups = entries.map(({ MessageGroupId }) => MessageGroupId);
    expect(new Set(groups.slice(0, 3)).size).toBe(3);
    expect(groups[3]).toBe(groups[0]);
    const ids = entries.map(({ MessageDeduplicationId }) => MessageDeduplicationId);
    expect(ids[4]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(2);
    for (const id of [...groups, ...ids]) expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([undefined, "", "orders-dead-letters"])("refuses the queueUrl %j, and names the option", (url) => {
    expect(() => sqsDeadLetterQueue({ queueUrl: url as string })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining("queueUrl") }),
    );
  });
});

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("with a real queue", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());

  const createQueue = async (name: string, attributes: Record<string, string> = {}): Promise<string> =>
    (await client.createQueue({ QueueName: name, Attributes: attributes })).QueueUrl ?? "";
  const received = async (QueueUrl: string) =>
    (await client.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] })).Messages ?? [];

  test("the same handler redrives a rejected change from the queue to the sink that failed", async () => {
    const url = await createQueue("dead-letters");
    let isFixed = false;
    const failing = scriptedSink({
      writes: "upsert",
      name: "failing",
      answer: () => (isFixed ? "delivered" : "SINK_REJECTED"),
    });
    const other = scriptedSink({ writes: "append", name: "other" });
    const handler = pipeline("orders", {
      deadLetterQueue: sqsDeadLetterQueue({ queueUrl: url, client }),
      logger: recordingLogger(),
    })
      .to(failing, ({ after }) => after)
      .to(other, ({ after }) => after, { dedupe: "none" })
      .handler();
    const text = "x".repeat(600_000);
    const record = streamRecord({ before: { pk: "a", sk: "1", text }, after: { pk: "a", sk: "1", text: `${text}!` } });
    expect(await handler({ Records: [record] }, lambdaContext())).toEqual({ batchItemFailures: [] });

    const messages = await received(url);
    expect(messages.map(({ MessageAttributes }) => MessageAttributes?.code?.StringValue)).toEqual(["SINK_REJECTED"]);
    const bodies = messages.map(({ Body }) => Body ?? "");
    expect(bodies.map((body) => Buffer.byteLength(body) < maxBytes)).toEqual([true]);

    expect((await handler(sqsEvent(bodies), lambdaContext())).batchItemFailures).toHaveLength(1);
    isFixed = true;
    expect(await handler(sqsEvent(bodies), lambdaContext())).toEqual({ batchItemFailures: [] });
    expect(failing.taken.map(({ change }) => change.record)).toEqual([record]);
    expect(other.taken).toHaveLength(1);
  });

  test("a FIFO queue stores a repeated message once", async () => {
    const url = await createQueue("dead-letters.fifo", { FifoQueue: "true" });
    const deadLetterQueue = sqsDeadLetterQueue({ queueUrl: url, client });
    for (let repeat = 0; repeat < 2; repeat += 1) {
      expect((await deadLetterQueue.write([envelope("x")])).stored.size).toBe(1);
    }
    expect(await received(url)).toHaveLength(1);
  });

  test("the default client uses the endpoint in the environment, whatever the host of the queue URL", async () => {
    const url = await createQueue("by-environment");
    const { credentials, region } = engine.clientConfig;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_SQS: engine.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    });
    const queueUrl = url.replace("//127.0.0.1:", `//sqs.${region}.localhost:`);
    expect((await sqsDeadLetterQueue({ queueUrl }).write([envelope("x")])).errors).toEqual([]);
    expect(await received(url)).toHaveLength(1);
  });

  test("a deleted queue stores nothing, and the error says why", async () => {
    const { stored, errors } = await sqsDeadLetterQueue({
      queueUrl: `${engine.endpoint}/000000000000/gone`,
      client,
    }).write([envelope("x")]);
    expect(stored.size).toBe(0);
    expect(errors).toHaveLength(1);
  });
});
