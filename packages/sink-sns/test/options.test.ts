import { describe, expect, test } from "@jest/globals";
import { snsSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const topicArn = "arn:aws:sns:us-east-1:123456789012:orders";

describe("options", () => {
  test("have defaults and are frozen", () => {
    const settings = checkOptions({ topicArn });
    expect(settings).toEqual({
      name: "sns",
      topicArn,
      isFifo: false,
      client: undefined,
      maxBytes: 262_144,
      concurrency: 8,
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each(["arn:aws-cn:sns:cn-north-1:123456789012:orders", "arn:aws:sns:us-east-1:123456789012:orders.fifo"])(
    "accept the ARN %s",
    (arn) => {
      expect(checkOptions({ topicArn: arn }).topicArn).toBe(arn);
    },
  );

  test.each([
    ["topicArn", { topicArn: "orders" }],
    ["topicArn", { topicArn: `${topicArn}:6b0e71bd-7e97-4d97-80ce-4a0994e55286` }],
    ["topicArn", { topicArn: undefined as never }],
    ["client", { topicArn, client: { send: () => undefined } as never }],
    ["maxMessageBytes", { topicArn, maxMessageBytes: 1_023 }],
    ["maxMessageBytes", { topicArn, maxMessageBytes: 1_048_577 }],
    ["concurrency", { topicArn, concurrency: 0 }],
    ["topic", { topicArn, topic: topicArn } as never],
    ["name", { topicArn, name: "" }],
  ])("with an invalid %s throw an error that names the option", (option, options) => {
    expect(() => snsSink(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => snsSink(options)).toThrow(`"${option}"`);
  });
});

describe("the sink", () => {
  test("supports ten messages in a request, and eight requests at once", () => {
    expect(snsSink({ topicArn }).supports).toEqual({ writes: "append", maxEntries: 10, concurrency: 8 });
  });

  test("discards repeats for five minutes if the topic is FIFO", () => {
    expect(snsSink({ topicArn: `${topicArn}.fifo`, name: "orders" })).toMatchObject({
      name: "orders",
      supports: { dedupesForMs: 300_000 },
    });
  });
});
