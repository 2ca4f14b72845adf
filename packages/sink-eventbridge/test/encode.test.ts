import { describe, expect, test } from "@jest/globals";
import { type AppendDelivery, type Change, decodeRecord } from "@sluice/core/sink-kit";
import { streamChange, streamRecord } from "@sluice/testing";
import { encode, entryBytes } from "../src/encode.ts";
import type { EventBridgeMessage } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const settings = checkOptions({ source: "com.example.orders" });

const change: Change = streamChange({ after: { pk: "customer 1", sk: "order 1" } });

const delivery = (message: EventBridgeMessage): AppendDelivery<EventBridgeMessage> => ({
  change,
  message,
  idempotencyKey: "event-1:eventbridge",
});

const own = { sluiceid: "event-1:eventbridge", sluiceversion: change.version };

describe("an entry", () => {
  test("has the option's source, the change's time, and the detail with the sink's own member", () => {
    const { entry, bytes } = encode(delivery({ detailType: "OrderPlaced", detail: { total: 5 } }), settings);
    const Detail = JSON.stringify({ total: 5, ...own });
    expect(entry).toEqual({
      Source: "com.example.orders",
      DetailType: "OrderPlaced",
      Detail,
      Time: new Date(change.approximateCreationTimeMs),
    });
    expect(bytes).toBe(14 + "com.example.ordersOrderPlaced".length + Detail.length);
  });

  test("has all members of the message", () => {
    const time = new Date("2026-01-02T03:04:05Z");
    const message = {
      detailType: "Größe",
      detail: {},
      source: "com.example.other",
      resources: ["arn:aws:dynamodb:us-east-1:123456789012:table/Orders"],
      time,
      traceHeader: "Root=1-2-3",
    };
    const { entry, bytes } = encode(delivery(message), { ...settings, eventBusName: "orders" });
    const Detail = JSON.stringify(own);
    expect(entry).toEqual({
      Source: "com.example.other",
      DetailType: "Größe",
      Detail,
      Resources: message.resources,
      Time: time,
      TraceHeader: "Root=1-2-3",
      EventBusName: "orders",
    });
    expect(bytes).toBe(14 + "com.example.other".length + 7 + Detail.length + (message.resources[0] as string).length);
  });

  test("has no time if the record has no time, which makes it 14 bytes smaller", () => {
    const record = streamRecord({ after: { pk: "a", sk: "1" } });
    const { ApproximateCreationDateTime: _, ...timeless } = record.dynamodb ?? {};
    const message = { detailType: "OrderPlaced", detail: {} };
    const untimed = { ...delivery(message), change: decodeRecord({ ...record, dynamodb: timeless }) };
    const { entry } = encode(untimed, settings);
    expect(entry).not.toHaveProperty("Time");
    expect(entryBytes({ ...entry, Time: new Date() }) - entryBytes(entry)).toBe(14);
  });

  test("contains numbers without loss, as strings if a consumer would round them", () => {
    const { entry } = encode(delivery({ detailType: "x", detail: { big: 2n ** 70n } }), settings);
    expect(JSON.parse(entry.Detail)).toEqual({ big: "1180591620717411303424", ...own });
  });

  test("rejects a detail that cannot be JSON", () => {
    const detail: { self?: object } = {};
    detail.self = detail;
    const make = () => encode(delivery({ detailType: "x", detail }), settings);
    expect(make).toThrow("[eventbridge] detail cannot be written as JSON, which threw RangeError");
  });

  test.each([
    [{ detailType: "", detail: {} }, "detailType is empty"],
    [{ detailType: "x".repeat(129), detail: {} }, "detailType is 129 characters; expected at most 128"],
    [{ detailType: undefined as never, detail: {} }, "detailType is undefined"],
    [{ detailType: "x", detail: undefined as never }, "detail is undefined; expected an object"],
    [{ detailType: "x", detail: ["x"] }, "detail is an array; expected an object"],
    [{ detailType: "x", detail: new Date() }, "detail is a Date; expected an object"],
    [{ detailType: "x", detail: { sluiceid: 1 } }, "detail has the member sluiceid"],
    [{ detailType: "x", detail: { sluiceversion: 1 } }, "detail has the member sluiceversion"],
    [{ detailType: "x", detail: { a: [{ b: "\ud83d" }] } }, "detail.a.0.b has half of a surrogate pair"],
    [{ detailType: "x", detail: { "\ud83d": 1 } }, "detail.\ufffd has half of a surrogate pair"],
    [{ detailType: "x\ud83d", detail: {} }, "detailType has half of a surrogate pair"],
    [{ detailType: "x", detail: { a: Number.NaN } }, "detail cannot be written as JSON: at a found NaN"],
    [{ detailType: "x", detail: {}, sorce: "y" }, 'the message has no member "sorce"'],
    [{ detailType: "x", detail: {}, source: "" }, "source is empty"],
    [{ detailType: "x", detail: {}, source: "aws.orders" }, "source begins with aws."],
    [null as never, "the message is null; expected an object"],
    [{ detailType: "x", detail: {}, resources: [""] }, "a resource is empty"],
    [{ detailType: "x", detail: {}, traceHeader: "" }, "traceHeader is empty"],
    [{ detailType: "x", detail: {}, time: new Date(Number.NaN) }, "time is invalid"],
  ])("rejects the message %j", (message, text) => {
    const make = () => encode(delivery(message), settings);
    expect(make).toThrow(expect.objectContaining({ code: "SINK_REJECTED" }));
    expect(make).toThrow(`[eventbridge] ${text}`);
  });
});

describe("optional members", () => {
  test("that are null are absent", () => {
    const required = { detailType: "x", detail: { total: 5 } };
    const message = { ...required, source: null, resources: null, time: null, traceHeader: null };
    expect(encode(delivery(message), settings)).toEqual(encode(delivery(required), settings));
  });

  test.each([
    [{ source: 5 }, "source is a number; expected a text"],
    [{ source: "" }, "source is empty; expected a text"],
    [{ resources: new Set(["secret"]) }, "resources is a Set; expected an array"],
    [{ resources: ["arn", null] }, "a resource is null; expected a text"],
    [{ time: "2026-01-01" }, "time is a text; expected a Date"],
    [{ time: 1_767_323_045_000 }, "time is a number; expected a Date"],
    [{ time: new Date(Number.NaN) }, "time is invalid; expected a date"],
    [{ traceHeader: { secret: 1 } }, "traceHeader is an object; expected a text"],
    [{ detail: new Map([["secret", 1]]) }, "detail is a Map; expected an object with named members"],
    [{ detail: { toJSON: () => "secret" } }, "detail becomes JSON of another type; expected a JSON object"],
    [{ detailType: null }, "detailType is null; expected a text"],
  ])("of a wrong type are rejected: %p", (members, text) => {
    const make = () => encode(delivery({ detailType: "x", detail: {}, ...members } as never), settings);
    expect(make).toThrow(expect.objectContaining({ code: "SINK_REJECTED" }));
    expect(make).toThrow(`[eventbridge] ${text}`);
  });
});
