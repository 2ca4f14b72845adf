import { describe, expect, test } from "@jest/globals";
import { type AppendDelivery, type Change, encodeEach, fifoId } from "@sluice/core/sink-kit";
import { streamChange, unexpectedValues } from "@sluice/testing";
import { encode } from "../src/encode.ts";
import type { SnsMessage } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const standard = checkOptions({ topicArn: "arn:aws:sns:us-east-1:123456789012:orders" });
const fifo = checkOptions({ topicArn: "arn:aws:sns:us-east-1:123456789012:orders.fifo" });

const change: Change = streamChange({ after: { pk: "customer 1", sk: "order 1" } });

const delivery = (message: SnsMessage): AppendDelivery<SnsMessage> => ({
  change,
  message,
  idempotencyKey: "event-1:sns",
});

const own = {
  "idempotency-key": { DataType: "String", StringValue: "event-1:sns" },
  "sluice-version": { DataType: "String", StringValue: change.version },
};
const ownBytes = "idempotency-keyStringevent-1:snssluice-versionString".length + change.version.length;

describe("an entry for a standard topic", () => {
  test("has the body as JSON, and the attributes of the sink", () => {
    expect(encode(delivery({ body: { total: 5 } }), standard)).toEqual({
      entry: { Message: '{"total":5}', MessageAttributes: own },
      bytes: 11 + ownBytes,
    });
  });

  test("has all members of the message", () => {
    const message = { body: "é", subject: "Größe", attributes: { kinds: ["a", "b"] }, messageGroupId: "tenant 1" };
    expect(encode(delivery(message), standard)).toEqual({
      entry: {
        Message: "é",
        Subject: "Größe",
        MessageAttributes: { ...own, kinds: { DataType: "String.Array", StringValue: '["a","b"]' } },
        MessageGroupId: fifoId("tenant 1"),
      },
      bytes: 2 + 7 + ownBytes + 'kindsString.Array["a","b"]'.length,
    });
  });

  test("omits members that are undefined", () => {
    const message = { body: "x", bodyFor: undefined, subject: undefined, attributes: undefined };
    expect(encode(delivery(message), standard).entry).toEqual({ Message: "x", MessageAttributes: own });
  });

  test("has the body of each protocol in the message, and a default body", () => {
    const message = { body: { total: 5 }, bodyFor: { sms: "Five!", lambda: { five: 5 }, email: undefined } };
    const { entry, bytes } = encode(delivery(message), standard);
    expect(entry.MessageStructure).toBe("json");
    expect(JSON.parse(entry.Message)).toEqual({ default: '{"total":5}', sms: "Five!", lambda: '{"five":5}' });
    expect(bytes).toBe(entry.Message.length + ownBytes);
  });

  test("accepts a subject of 100 characters", () => {
    expect(encode(delivery({ body: "x", subject: "s".repeat(100) }), standard).entry.Subject).toHaveLength(100);
  });

  test.each([
    ["", "subject is empty"],
    ["s".repeat(101), "subject is 101 characters; expected at most 100"],
    ["a\nb", "subject has a line break"],
    ["a\tb", "subject has a line break or control character"],
    ["a\u0085b", "subject has a line break or control character"],
    ["a\u2028b", "subject has a line break or control character"],
    ["a\u0001b", "subject has the character U+0001"],
  ])("rejects the subject %j", (subject, text) => {
    expect(() => encode(delivery({ body: "x", subject }), standard)).toThrow(`[sns] ${text}`);
  });

  test.each<SnsMessage>([
    { body: "" },
    { body: "\u0001" },
    { body: "x", bodyFor: { sms: "" } },
    { body: "x", attributes: { control: "\u0001" } },
    { body: "x", messageGroupId: "" },
    null as never,
  ])("rejects the message %j", (message) => {
    expect(() => encode(delivery(message), standard)).toThrow(expect.objectContaining({ code: "SINK_REJECTED" }));
  });
});

describe("an entry for a FIFO topic", () => {
  test("has the hashed item key as its group and the hashed idempotency key as its deduplication id", () => {
    expect(encode(delivery({ body: "x" }), fifo).entry).toEqual({
      Message: "x",
      MessageAttributes: own,
      MessageGroupId: fifoId(change.itemKey),
      MessageDeduplicationId: fifoId("event-1:sns"),
    });
  });

  test("has the message's own group, if the message has one", () => {
    expect(encode(delivery({ body: "x", messageGroupId: "customer-1" }), fifo).entry.MessageGroupId).toBe("customer-1");
  });
});

describe("optional members", () => {
  test("that are null are absent", () => {
    const message = { body: "x", bodyFor: null, subject: null, attributes: null, messageGroupId: null };
    for (const target of [standard, fifo]) {
      expect(encode(delivery(message), target)).toEqual(encode(delivery({ body: "x" }), target));
    }
    const inner = { body: "x", bodyFor: { sms: null, email: "y" }, attributes: { kind: null, total: 5 } };
    const expected = { body: "x", bodyFor: { email: "y" }, attributes: { total: 5 } };
    expect(encode(delivery(inner), standard)).toEqual(encode(delivery(expected), standard));
  });

  test.each([
    [{ subject: 5 }, "subject is a number; expected a text"],
    [{ subject: new Set(["secret"]) }, "subject is a Set; expected a text"],
    [{ bodyFor: "secret" }, "bodyFor is a text; expected an object with named members"],
    [{ attributes: new Map([["kind", "secret"]]) }, "attributes is a Map; expected an object with named members"],
    [{ attributes: { kind: new Date(0) } }, "attributes.kind is a Date; expected a string, finite number, boolean"],
    [{ attributes: { kinds: [{ a: "secret" }] } }, "an entry of attributes.kinds is an object; expected a string"],
    [{ attributes: Object.fromEntries([["__proto__", "x"]]) }, "attributes: the name __proto__ is not allowed"],
    [{ attributes: { kinds: ["\ud83d"] } }, "attributes.kinds.0 has half of a surrogate pair"],
    [{ messageGroupId: "\ud83d" }, "messageGroupId has half of a surrogate pair"],
    [{ subject: "\ud83d" }, "subject has half of a surrogate pair"],
    [{ subjct: "x" }, 'the message has no member "subjct"; expected only body'],
    [{ bodyFor: { emial: "x" } }, 'bodyFor has no member "emial"; expected only http'],
    [{ attributes: { bytes: new Uint8Array() } }, "attributes.bytes is empty; expected at least one byte"],
    [{ messageGroupId: { secret: 1 } }, "messageGroupId is an object; expected a text"],
  ])("of a wrong type are rejected: %p", (members, text) => {
    const make = () => encode(delivery({ body: "x", ...members } as SnsMessage), standard);
    expect(make).toThrow(`[sns] ${text}`);
  });

  test("of any type reject nothing but their own delivery", () => {
    for (const { value } of unexpectedValues()) {
      for (const message of [
        { body: "x", bodyFor: { sms: value } },
        { body: "x", attributes: { kind: value } },
        { body: "x", attributes: { kinds: [value] } },
      ]) {
        const { entries, results } = encodeEach([delivery(message as SnsMessage)], (one) => encode(one, standard));
        expect([...entries, ...results]).toHaveLength(1);
      }
    }
  });
});
