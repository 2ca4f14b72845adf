// Tests of behaviour that only EventBridge has. The tests use moto, or a client in memory for what moto cannot do.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { AppendDelivery, WriteContext, WriteResult } from "@sluice/core/sink-kit";
import { engineOrSkip, startMoto } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type EventBridgeClient, type EventBridgeMessage, eventbridgeSink } from "../src/index.ts";
import { startTarget } from "./target.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, async () => startTarget(await startMoto()));

const source = "com.example.orders";

const delivery = (pk: string, message: Partial<EventBridgeMessage> = {}): AppendDelivery<EventBridgeMessage> => ({
  change: streamChange({ after: { pk, sk: "1" } }),
  message: { detailType: "OrderPlaced", detail: { pk }, ...message },
  idempotencyKey: `event-of-${pk}:eventbridge`,
});

const context: WriteContext = { signal: new AbortController().signal, remainingMs: () => 1_000 };

const outcomes = (results: readonly WriteResult[]): string[] =>
  results.map((result) => (result.outcome === "failed" ? result.error.code : result.outcome));

describeWithMoto("on moto", (target) => {
  test("rules match on source, detail type and detail, and pass on time and resources", async () => {
    const pattern = { source: [source], "detail-type": ["OrderPlaced"], detail: { pk: [{ prefix: "b" }] } };
    const { eventBusName, drain } = await target.createBus(pattern);
    const sink = eventbridgeSink({ source, eventBusName, client: target.client });
    const resources = ["arn:aws:dynamodb:us-east-1:123456789012:table/Orders"];
    const batch = [delivery("a"), delivery("b1", { resources }), delivery("b2", { detailType: "OrderShipped" })];
    expect(outcomes(await sink.write(batch, context))).toEqual(["delivered", "delivered", "delivered"]);
    const [event, ...others] = await drain();
    expect(others).toEqual([]);
    expect(event).toMatchObject({ resources, detail: { pk: "b1", sluiceversion: batch[1]?.change.version } });
    expect(event?.time).toBe(
      new Date(batch[1]?.change.approximateCreationTimeMs ?? 0).toISOString().replace(".000", ""),
    );
  });

  test("a missing bus is SINK_MISSING", async () => {
    const sink = eventbridgeSink({ source, eventBusName: "no-such-bus", client: target.client });
    expect(outcomes(await sink.write([delivery("a")], context))).toEqual(["SINK_MISSING"]);
  });

  test("the sink creates a client from the environment if the options have no client", async () => {
    const { eventBusName, drain } = await target.createBus();
    const { region, credentials, endpoint } = target.engine.clientConfig;
    Object.assign(process.env, {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint,
    });
    const sink = eventbridgeSink({ source, eventBusName });
    expect(outcomes(await sink.write([delivery("a")], context))).toEqual(["delivered"]);
    delete process.env.AWS_ENDPOINT_URL_EVENTBRIDGE;
    await sink.close?.();
    expect(await drain()).toHaveLength(1);
  });
});

describe("with a client in memory", () => {
  /** Size of an event in bytes, as EventBridge's guide counts it. */
  const bytesOf = ({ Time, Source, DetailType, Detail }: Parameters<EventBridgeClient["putEvents"]>[0]["Entries"][0]) =>
    (Time ? 14 : 0) + [Source, DetailType, Detail].reduce((sum, text) => sum + Buffer.from(text).length, 0);

  const inMemory = () => {
    const requests: number[][] = [];
    const client: EventBridgeClient = {
      putEvents: async ({ Entries }) => {
        requests.push(Entries.map(bytesOf));
        return { Entries: Entries.map(() => ({ EventId: "1" })) };
      },
    };
    return { requests, sink: eventbridgeSink({ source, client }) };
  };

  /** Size in bytes of an event with this text in its detail. */
  const bytesWith = async (text: string): Promise<number> => {
    const { requests, sink } = inMemory();
    await sink.write([delivery("a", { detail: { text } })], context);
    return requests[0]?.[0] ?? 0;
  };

  test("the events of a request are less than 1 MB in UTF-8", async () => {
    const empty = await bytesWith("");
    const half = "é".repeat(250_000);
    const rest = 1_048_575 - empty - (await bytesWith(half));
    for (const [extra, expected] of [
      [0, 1],
      [1, 2],
    ] as const) {
      const { requests, sink } = inMemory();
      const batch = [
        delivery("a", { detail: { text: half } }),
        delivery("b", { detail: { text: "x".repeat(rest + extra) } }),
      ];
      expect(outcomes(await sink.write(batch, context))).toEqual(["delivered", "delivered"]);
      expect(requests).toHaveLength(expected);
    }
  });

  test("an event over the limit is SINK_TOO_LARGE, without a request and without effect on others", async () => {
    const { requests, sink } = inMemory();
    const batch = [delivery("large", { detail: { text: "x".repeat(1_048_576) } }), delivery("small")];
    expect(outcomes(await sink.write(batch, context)).sort()).toEqual(["SINK_TOO_LARGE", "delivered"]);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toHaveLength(1);
  });

  test("results are matched to entries by index, even if a result is empty or missing", async () => {
    const client: EventBridgeClient = {
      putEvents: async () => ({
        Entries: [{ ErrorCode: "ThrottlingException", ErrorMessage: "slow" }, { EventId: "1" }, {}],
      }),
    };
    const batch = ["a", "b", "c", "d"].map((pk) => delivery(pk));
    const settled = await eventbridgeSink({ source, client }).write(batch, context);
    expect(settled.map(({ delivery: { change } }) => change.keys.pk)).toEqual(["a", "b"]);
    expect(outcomes(settled)).toEqual(["SINK_THROTTLED", "delivered"]);
  });
});
