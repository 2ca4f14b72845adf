import { describe, expect, test } from "@jest/globals";
import { type AppendDelivery, type Change, fifoId } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import { encode } from "../src/encode.ts";
import type { SqsMessage } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const standard = checkOptions({ queueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/orders" });
const fifo = checkOptions({ queueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/orders.fifo" });

const change: Change = streamChange({ after: { pk: "customer 1", sk: "order 1" } });

const delivery = (message: SqsMessage): AppendDelivery<SqsMessage> => ({
  change,
  message,
  idempotencyKey: "event-1:sqs",
});

const own = {
  "idempotency-key": { DataType: "String", StringValue: "event-1:sqs" },
  "sluice-version": { DataType: "String", StringValue: change.version },
};
const ownBytes = "idempotency-keyStringevent-1:sqssluice-versionString".length + change.version.length;

describe("an entry for a standard queue", () => {
  test("has the body as JSON, and the attributes of the sink", () => {
    expect(encode(delivery({ body: { total: 5 } }), standard)).toEqual({
      entry: { MessageBody: '{"total":5}', MessageAttributes: own },
      bytes: 11 + ownBytes,
    });
  });

  test("has all members of the message", () => {
    const message = {
      body: "é",
      attributes: { kind: "insert" },
      delaySeconds: 900,
      messageGroupId: "tenant 1",
      traceHeader: "Root=1-2-3",
    };
    expect(encode(delivery(message), standard)).toEqual({
      entry: {
        MessageBody: "é",
        MessageAttributes: { ...own, kind: { DataType: "String", StringValue: "insert" } },
        DelaySeconds: 900,
        MessageGroupId: fifoId("tenant 1"),
        MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: "Root=1-2-3" } },
      },
      bytes: 2 + ownBytes + "kindStringinsert".length,
    });
  });

  test("omits members that are undefined", () => {
    const message = { body: "x", attributes: undefined, delaySeconds: undefined, messageGroupId: undefined };
    expect(encode(delivery(message), standard).entry).toEqual({ MessageBody: "x", MessageAttributes: own });
  });

  test.each([-1, 901, 1.5, Number.NaN])("rejects a delay of %s", (delaySeconds) => {
    expect(() => encode(delivery({ body: "x", delaySeconds }), standard)).toThrow(
      "[sqs] delaySeconds is out of range; expected whole seconds from 0 to 900",
    );
  });

  test.each<SqsMessage>([
    { body: "" },
    { body: "\u0001" },
    { body: "x", attributes: { control: "\u0001" } },
    { body: "x", messageGroupId: "" },
    null as never,
    { body: "x", traceHeader: "" },
  ])("rejects the message %j", (message) => {
    expect(() => encode(delivery(message), standard)).toThrow(expect.objectContaining({ code: "SINK_REJECTED" }));
  });
});

describe("an entry for a FIFO queue", () => {
  test("has the hashed item key as its group and the hashed idempotency key as its deduplication id", () => {
    expect(encode(delivery({ body: "x" }), fifo).entry).toEqual({
      MessageBody: "x",
      MessageAttributes: own,
      MessageGroupId: fifoId(change.itemKey),
      MessageDeduplicationId: fifoId("event-1:sqs"),
    });
  });

  test("has the message's own group, if the message has one", () => {
    expect(encode(delivery({ body: "x", messageGroupId: "customer-1" }), fifo).entry.MessageGroupId).toBe("customer-1");
  });

  test("rejects a delay", () => {
    expect(() => encode(delivery({ body: "x", delaySeconds: 0 }), fifo)).toThrow(
      "[sqs] delaySeconds is given; a FIFO queue has one delay for all messages",
    );
  });
});

describe("optional members", () => {
  test("that are null are absent", () => {
    const message = { body: "x", attributes: null, messageGroupId: null, delaySeconds: null, traceHeader: null };
    for (const target of [standard, fifo]) {
      expect(encode(delivery(message), target)).toEqual(encode(delivery({ body: "x" }), target));
    }
  });

  test.each([
    [{ delaySeconds: "5" }, "delaySeconds is a text; expected whole seconds from 0 to 900"],
    [{ delaySeconds: 5n }, "delaySeconds is a bigint; expected whole seconds from 0 to 900"],
    [{ traceHeader: {} }, "traceHeader is an object; expected a text"],
    [{ messageGroupId: new Map([["secret", 1]]) }, "messageGroupId is a Map; expected a text"],
    [{ attributes: ["secret"] }, "attributes is an array; expected an object with named members"],
  ])("of a wrong type are rejected: %p", (members, text) => {
    const make = () => encode(delivery({ body: "x", ...members } as SqsMessage), standard);
    expect(make).toThrow(`[sqs] ${text}`);
  });
});
