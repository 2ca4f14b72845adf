import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { describe, expect, test } from "@jest/globals";
import {
  attributeBytes,
  bodyText,
  type ConfigError,
  checkClient,
  checkText,
  checkWhole,
  fifoId,
  groupedEntry,
  type MessageAttributes,
  messageOf,
  missingDependency,
  sendableText,
  wireAttributes,
} from "../src/sink-kit.ts";
import { appendDelivery } from "./append-deliveries.ts";

const rejected = { code: "SINK_REJECTED" };

describe("a body", () => {
  test("is an unchanged string, or any other value as lossless JSON", () => {
    expect(bodyText("sqs", "plain é 👩‍👩‍👧\r\n\t")).toBe("plain é 👩‍👩‍👧\r\n\t");
    expect(bodyText("sqs", { a: 2n ** 70n, b: new Set(["y", "x"]) })).toBe(
      '{"a":"1180591620717411303424","b":["x","y"]}',
    );
    expect(bodyText("sqs", undefined)).toBe("null");
  });

  test("has every character escaped that SQS would reject, if it is JSON", () => {
    const text = bodyText("sqs", { note: "\u0000\u000b\ud800\ufffe\uffff" });
    expect(JSON.parse(sendableText("sqs", "body", text))).toEqual({ note: "\u0000\u000b\ud800\ufffe\uffff" });
  });

  test.each(["", "\u0000", "\u000b", "\ud800", "\udc00x", "\ufffe", "\uffff"])(
    "with the string %j is rejected",
    (text) => {
      expect(() => bodyText("sqs", text)).toThrow(expect.objectContaining(rejected));
    },
  );

  test("that cannot be JSON is rejected with the name but not the text of the cause", () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const throwing = {
      toJSON: () => {
        throw new TypeError("secret");
      },
    };
    expect(() => bodyText("sqs", { cyclic })).toThrow(expect.objectContaining(rejected));
    expect(() => bodyText("sqs", throwing)).toThrow("[sqs] body cannot be written as JSON, which threw TypeError");
  });

  test("is rejected with an error that contains the bad character and its index, but not the text", () => {
    expect(() => bodyText("sqs", "secret\u0001")).toThrow(
      "[sqs] body has the character U+0001 at 6; expected characters of XML 1.0 only: remove it, or send an object, which becomes JSON",
    );
  });
});

test.each([null, "text", 5, [{ body: 1 }]])("the message %j is rejected", (message) => {
  expect(() => messageOf("sqs", appendDelivery("a", message as never), { body: true })).toThrow(
    expect.objectContaining(rejected),
  );
});

describe("attributes", () => {
  const delivery = appendDelivery("a", undefined);
  const wire = (given: MessageAttributes) => {
    const { "idempotency-key": _, "sluice-version": __, ...rest } = wireAttributes("sqs", delivery, given);
    return rest;
  };

  test("begin with the idempotency key and the version", () => {
    expect(wireAttributes("sqs", delivery)).toEqual({
      "idempotency-key": { DataType: "String", StringValue: "event-of-a:route" },
      "sluice-version": { DataType: "String", StringValue: delivery.change.version },
    });
  });

  test("may be strings, numbers, bytes and arrays; undefined attributes are omitted", () => {
    const digits = "12345678901234567890123456789012345678";
    expect(
      wire({
        text: "é",
        flag: false,
        number: -1.5,
        big: 2n ** 64n,
        exact: new NumberValueImpl(digits),
        bytes: new Uint8Array([1]),
        list: ["a", 1, true, null],
        none: undefined,
      }),
    ).toEqual({
      text: { DataType: "String", StringValue: "é" },
      flag: { DataType: "String", StringValue: "false" },
      number: { DataType: "Number", StringValue: "-1.5" },
      big: { DataType: "Number", StringValue: "18446744073709551616" },
      exact: { DataType: "Number", StringValue: digits },
      bytes: { DataType: "Binary", BinaryValue: new Uint8Array([1]) },
      list: { DataType: "String.Array", StringValue: '["a",1,true,null]' },
    });
  });

  test.each([
    { empty: "" },
    { control: "\u0001" },
    { nan: Number.NaN },
    { infinite: Number.POSITIVE_INFINITY },
    { object: {} as never },
    { "idempotency-key": "mine" },
    { "sluice-version": "mine" },
    { "AWS.name": "x" },
    { "amazon.name": "x" },
    { ".dot": "x" },
    { "dot.": "x" },
    { "two..dots": "x" },
    { "with space": "x" },
    { "": "x" },
    { ["x".repeat(257)]: "x" },
  ])("such as %j are rejected", (given) => {
    expect(() => wire(given)).toThrow(expect.objectContaining(rejected));
  });

  test("are at most ten, of which eight are the mapper's", () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, "x"]));
    expect(Object.keys(wire(many(8)))).toHaveLength(8);
    expect(() => wire(many(9))).toThrow(
      "the message has 11 attributes, two of them from the sink; expected at most 10",
    );
  });

  test("count with the UTF-8 bytes of name, type and value", () => {
    expect(attributeBytes({ né: { DataType: "String", StringValue: "é" } })).toBe(3 + 6 + 2);
    expect(attributeBytes({ b: { DataType: "Binary", BinaryValue: new Uint8Array(5) } })).toBe(1 + 6 + 5);
  });
});

describe("a group", () => {
  const delivery = appendDelivery("a", undefined);
  const idsIn = (isFifo: boolean, messageGroupId?: string) => {
    const { MessageAttributes: _, ...ids } = groupedEntry({ name: "sqs", isFifo }, delivery, {
      body: "",
      messageGroupId,
    });
    return ids;
  };
  const groupIn = (isFifo: boolean, group?: string) => idsIn(isFifo, group).MessageGroupId;

  test("is the hashed item key on FIFO, and the deduplication id is the hashed idempotency key", () => {
    expect(idsIn(true)).toEqual({
      MessageGroupId: fifoId(delivery.change.itemKey),
      MessageDeduplicationId: fifoId(delivery.idempotencyKey),
    });
    expect(groupIn(true)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("is the message's own group on a standard queue, if it has one", () => {
    expect(idsIn(false)).toEqual({});
    expect(idsIn(false, "tenant-1")).toEqual({ MessageGroupId: "tenant-1" });
  });

  test("that the message gives is hashed unless it is a legal id", () => {
    for (const legal of ["tenant-1", "x".repeat(128)]) expect(groupIn(true, legal)).toBe(legal);
    for (const illegal of ["tenant 1", "müller", "x".repeat(129)]) expect(groupIn(true, illegal)).toBe(fifoId(illegal));
    expect(() => groupIn(false, "")).toThrow(expect.objectContaining(rejected));
  });
});

// test/bundles.test.ts imports packages that are missing, in Node itself: Jest has its own resolver and errors.
describe("an import", () => {
  const packageName = "@sluice/no-such-package";
  const because = (code: string | undefined, message: string): unknown => {
    try {
      return missingDependency("sqs", packageName)(Object.assign(new Error(message), { code }));
    } catch (error) {
      return [(error as ConfigError).code, (error as ConfigError).message];
    }
  };

  test.each([
    ["ERR_MODULE_NOT_FOUND", `Cannot find package '${packageName}' imported from /var/task/index.mjs`],
    ["MODULE_NOT_FOUND", `Cannot find module '${packageName}'\nRequire stack:\n- /var/task/index.js`],
  ])("is of a missing package if Node says %s with its name", (code, message) => {
    expect(because(code, message)).toEqual([
      "CONFIG_MISSING_DEPENDENCY",
      `sqs needs the package ${packageName}: npm install ${packageName}`,
    ]);
  });

  test.each([
    ["ERR_MODULE_NOT_FOUND", "Cannot find package 'events' imported from /var/task/index.mjs"],
    ["MODULE_NOT_FOUND", "Cannot find module 'pg-types'\nRequire stack:\n- /var/task/index.js"],
    ["ERR_MODULE_NOT_FOUND", `Cannot find package '${packageName}-more' imported from /var/task/index.mjs`],
    ["MODULE_NOT_FOUND", `Cannot find module '/var/task/node_modules/${packageName}/lib/index.js'`],
    [undefined, "Class extends value undefined is not a constructor or null"],
  ])("of a package that is there says why it fails: %s, %s", (code, message) => {
    const [reason] = message.split("\n");
    expect(because(code, message)).toEqual([
      "CONFIG_BROKEN_DEPENDENCY",
      `sqs needs the package ${packageName}, which cannot be loaded: ${reason}`,
    ]);
  });

  test("in a bundle without require names the page about bundles", () => {
    expect(because(undefined, 'Dynamic require of "events" is not supported')).toEqual([
      "CONFIG_BROKEN_DEPENDENCY",
      expect.stringContaining("docs/bundling.md"),
    ]);
  });

  test("that fails with something other than an error is reported, too", async () => {
    await expect(Promise.reject("text").catch(missingDependency("sqs", packageName))).rejects.toThrow(/loaded: text$/);
  });
});

describe("options", () => {
  test.each([
    ["an empty string", () => checkText("name", "")],
    ["a value that is not a string", () => checkText("name", 1)],
    ["a number that is not whole", () => checkWhole("name", 1.5, [1, 2])],
    ["a number that is too small", () => checkWhole("name", 0, [1, 2])],
    ["a number that is too large", () => checkWhole("name", 3, [1, 2])],
    ["a client without the method", () => checkClient({ name: 1 }, "name", "a client named by option name")],
    ["a client that is null", () => checkClient(null, "name", "a client named by option name")],
  ])("are named in the error: %s", (_, check) => {
    expect(check).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(check).toThrow(/name/);
  });

  test("that are valid pass", () => {
    checkText("name", "x");
    checkWhole("name", 1, [1, 2]);
    checkWhole("name", 2, [1, 2]);
    checkClient(undefined, "send", "a client");
    checkClient({ send: () => undefined }, "send", "a client");
  });
});
