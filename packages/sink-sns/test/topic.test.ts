// Tests of behaviour that only SNS has. A pipeline writes to a topic of fauxqs.

import { afterAll, describe, expect, test } from "@jest/globals";
import { type DeadLetterQueue, pipeline } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { type DrainedMessage, engineOrSkip, startSqs } from "@sluice/local";
import { streamEvent, tableHistory } from "@sluice/testing";
import { type SnsMessage, type SnsSinkOptions, snsSink } from "../src/index.ts";
import { startTarget } from "./target.ts";

const describeWithSns = await engineOrSkip({ describe, test, afterAll }, async () => startTarget(await startSqs()));

const silent = { info: () => undefined, warn: () => undefined };

type Order = { readonly pk: string; readonly status: string; readonly total: number };

/** Sends one change of each order through a pipeline. Returns the dead letters and the number of records to retry. */
const send = async (options: SnsSinkOptions, orders: readonly Order[], toMessage: (order: Order) => SnsMessage) => {
  const deadLetters: Envelope[] = [];
  const deadLetterQueue: DeadLetterQueue = {
    write: async (envelopes) => {
      deadLetters.push(...envelopes);
      return { stored: new Set(envelopes), errors: [] };
    },
  };
  const table = tableHistory({ keyNames: ["pk"] });
  const handler = pipeline<Order>("orders", { deadLetterQueue, logger: silent })
    .to(snsSink(options), ({ after }) => after && toMessage(after), { dedupe: "none" })
    .handler();
  const { batchItemFailures } = await handler(streamEvent(orders.map((order) => table.put(order))));
  return { deadLetters, retried: batchItemFailures.length };
};

const order = (pk: string, status = "placed", total = 5): Order => ({ pk, status, total });

/** Parses the notification that SNS sends to a subscription without raw delivery. */
const notificationOf = ({ body }: DrainedMessage) =>
  JSON.parse(body) as { readonly Message: string; readonly Subject: string | null };

describeWithSns("a pipeline into SNS", (target) => {
  test("publishes attributes and subjects for filter policies", async () => {
    const { topicArn, subscribe } = await target.createTopic();
    const large = await subscribe({ status: ["placed"], total: [{ numeric: [">", 100] }] });
    const orders = [order("a"), order("b", "placed", 500), order("c", "shipped", 500)];
    await send({ topicArn, client: target.client }, orders, ({ pk, status, total }) => ({
      body: pk,
      subject: `Order ${pk}`,
      attributes: { status, total },
    }));
    expect((await large()).map(notificationOf)).toMatchObject([{ Message: "b", Subject: "Order b" }]);
  });

  test("dead-letters a message over the limit and a message with a bad subject, and publishes the others", async () => {
    const { topicArn, drain } = await target.createTopic();
    const orders = [order("a"), order("large"), order("subject"), order("b")];
    const { deadLetters, retried } = await send({ topicArn, client: target.client }, orders, ({ pk }) => ({
      body: pk === "large" ? "x".repeat(262_144) : pk,
      subject: pk === "subject" ? "two\nlines" : "Order",
    }));
    expect(retried).toBe(0);
    expect(deadLetters.map(({ code }) => code).sort()).toEqual(["SINK_REJECTED", "SINK_TOO_LARGE"]);
    expect((await drain()).map(({ body }) => body)).toEqual(["a", "b"]);
  });

  test("publishes more than 256 KiB to a topic with a higher limit", async () => {
    const { topicArn, drain } = await target.createTopic();
    const requests: number[] = [];
    // A topic of fauxqs always has the default limit of 256 KiB, so the test uses this client instead of fauxqs.
    const client = {
      publishBatch: async ({
        PublishBatchRequestEntries: entries,
      }: {
        PublishBatchRequestEntries: { Id: string }[];
      }) => {
        requests.push(entries.length);
        return { Successful: entries };
      },
    };
    const { deadLetters, retried } = await send(
      { topicArn, client, maxMessageBytes: 1_048_576 },
      ["a", "b", "c", "d"].map((pk) => order(pk)),
      ({ pk }) => ({ body: pk.repeat(300_000) }),
    );
    expect([deadLetters, retried, requests, await drain()]).toEqual([[], 0, [3, 1], []]);
  });

  test("retries if the topic is missing, and dead-letters nothing", async () => {
    const { topicArn } = await target.createTopic();
    await target.direct.deleteTopic({ TopicArn: topicArn });
    const { deadLetters, retried } = await send({ topicArn, client: target.client }, [order("a")], () => ({
      body: "x",
    }));
    expect(deadLetters).toEqual([]);
    expect(retried).toBe(1);
  });

  test("sends no repeats to the subscribers of a FIFO topic", async () => {
    const { topicArn, drain } = await target.createTopic(".fifo");
    const orders = [order("a"), order("b")];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await send({ topicArn, client: target.client }, orders, ({ pk }) => ({ body: pk }));
    }
    expect((await drain()).map(({ body }) => body)).toEqual(["a", "b"]);
  });

  test("creates a client from the environment if the options have no client", async () => {
    const { topicArn, drain } = await target.createTopic();
    const { region, credentials, endpoint } = target.engine.clientConfig;
    Object.assign(process.env, {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_SNS: endpoint,
    });
    const { retried } = await send({ topicArn }, [order("a")], () => ({ body: "from the default client" }));
    delete process.env.AWS_ENDPOINT_URL_SNS;
    expect(retried).toBe(0);
    expect((await drain()).map(({ body }) => body)).toEqual(["from the default client"]);
  });
});
