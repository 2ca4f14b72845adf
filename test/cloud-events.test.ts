// The events of `cloudEvent` are CloudEvents for the official SDK, as every sink writes them. The SDK is strict: it refuses
// illegal names of attributes.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { cloudEvent } from "@sluice/core";
import type { AppendDelivery, Sink } from "@sluice/core/sink-kit";
import { type EventBridgeClient, eventbridgeSink } from "@sluice/sink-eventbridge";
import { type SnsClient, snsSink } from "@sluice/sink-sns";
import { type SqsClient, sqsSink } from "@sluice/sink-sqs";
import { type WebhookMessage, webhookSink } from "@sluice/sink-webhook";
import { streamChange } from "@sluice/testing";
import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";

const toEvent = cloudEvent({ source: "/shop/orders", type: ({ kind }) => `com.shop.order.${kind}` });

const change = streamChange({
  before: { pk: "o 1/ö", sk: "1", total: 1 },
  after: { pk: "o 1/ö", sk: "1", total: 12345678901234567890n, tags: new Set(["b"]), note: "日本 \ud83d\ude00" },
});

const event = toEvent(change);

/** Throws for what the SDK takes for no CloudEvent. */
const checked = (json: string): CloudEvent<unknown> => {
  const found = new CloudEvent(JSON.parse(json) as Partial<CloudEvent<unknown>>, true);
  expect(found.validate()).toBe(true);
  return found;
};

const same = {
  id: event.id,
  type: "com.shop.order.modify",
  source: "/shop/orders",
  subject: "o%201%2F%C3%B6/1",
  time: new Date(String(event.time)).toISOString(),
  sequence: event.sequence,
};

/** Writes the message, which must be delivered. */
const write = async <Message>(sink: Sink<Message, "append">, message: Message): Promise<void> => {
  const delivery: AppendDelivery<Message> = { change, message, idempotencyKey: `${change.eventId}:orders` };
  const results = await sink.write([delivery], { signal: new AbortController().signal, remainingMs: () => 60_000 });
  expect(results.map(({ outcome }) => outcome)).toEqual(["delivered"]);
  await sink.close?.();
};

/** A request that a server received. */
interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Sends the message to a server, and returns the request that the server received. */
const received = async (message: WebhookMessage): Promise<Received> => {
  const requests: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  await write(webhookSink({ url, secrets: [], allowAddresses: ["127.0.0.1"] }), message);
  server.close();
  return requests[0] as Received;
};

describe("the SDK reads an event", () => {
  test("from EventBridge, with the sink's own attributes", async () => {
    const details: string[] = [];
    const putEvents: EventBridgeClient["putEvents"] = async ({ Entries }) => {
      details.push(...Entries.map(({ Detail }) => Detail));
      return { Entries: Entries.map(() => ({ EventId: "1" })) };
    };
    await write(eventbridgeSink({ source: "com.shop", client: { putEvents } }), { detailType: "x", detail: event });
    const found = checked(details[0] ?? "");
    expect(found).toMatchObject({ ...same, sluiceid: `${change.eventId}:orders`, sluiceversion: change.version });
    expect(found.data).toEqual(event.data);
  });

  test("from SQS and SNS", async () => {
    const bodies: string[] = [];
    const sendMessageBatch: SqsClient["sendMessageBatch"] = async ({ Entries }) => {
      bodies.push(...Entries.map(({ MessageBody }) => MessageBody));
      return { Successful: Entries };
    };
    const publishBatch: SnsClient["publishBatch"] = async ({ PublishBatchRequestEntries }) => {
      bodies.push(...PublishBatchRequestEntries.map(({ Message }) => Message));
      return { Successful: PublishBatchRequestEntries };
    };
    await write(sqsSink({ queueUrl: "https://sqs.example.com/1/q", client: { sendMessageBatch } }), { body: event });
    const topicArn = "arn:aws:sns:us-east-1:123456789012:orders";
    await write(snsSink({ topicArn, client: { publishBatch } }), { body: event });
    expect(bodies).toHaveLength(2);
    for (const body of bodies) expect(checked(body)).toMatchObject(same);
  });

  test("from a webhook in structured mode", async () => {
    const contentType = "application/cloudevents+json; charset=utf-8";
    const found = HTTP.toEvent(await received({ body: event, headers: { "content-type": contentType } }));
    expect(found).toMatchObject(same);
    expect((found as CloudEvent<unknown>).validate()).toBe(true);
  });

  test("from a webhook in binary mode, with the SDK's own headers", async () => {
    const made = HTTP.binary(new CloudEvent({ ...event, datacontenttype: "application/json" }));
    const headers = Object.fromEntries(Object.entries(made.headers).map(([name, value]) => [name, String(value)]));
    const found = HTTP.toEvent(await received({ body: event.data, headers })) as CloudEvent<unknown>;
    expect(found).toMatchObject(same);
    expect(found.data).toEqual(event.data);
  });

  test("with any key and any time", () => {
    const seed = Date.now() % 2 ** 31;
    const key = fc.oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.integer());
    const property = fc.property(key, key, (pk, sk) => {
      const one = streamChange({ after: { pk, sk } });
      expect(checked(JSON.stringify(toEvent(one)))).toMatchObject({ id: one.eventId, source: "/shop/orders" });
    });
    fc.assert(property, { seed, numRuns: 100 });
  });
});

test.each(["shop orders", "größe", "a\nb", "%zz"])("the source %j is refused, which is no URI reference", (source) => {
  expect(() => cloudEvent({ source, type: "x" })).toThrow('option "source" must be a URI reference');
});
