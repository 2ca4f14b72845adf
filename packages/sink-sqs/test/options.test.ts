import { describe, expect, test } from "@jest/globals";
import { sqsSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/orders";

describe("options", () => {
  test("have defaults and are frozen", () => {
    const settings = checkOptions({ queueUrl });
    expect(settings).toEqual({ name: "sqs", queueUrl, isFifo: false, client: undefined, concurrency: 8 });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each([
    ["queueUrl", { queueUrl: "orders" }],
    ["queueUrl", { queueUrl: undefined as never }],
    ["client", { queueUrl, client: { send: () => undefined } as never }],
    ["concurrency", { queueUrl, concurrency: 101 }],
    ["concurrency", { queueUrl, concurrency: 1.5 }],
    ["queueURL", { queueUrl, queueURL: queueUrl } as never],
    ["name", { queueUrl, name: "" }],
  ])("with an invalid %s throw an error that names the option", (option, options) => {
    expect(() => sqsSink(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => sqsSink(options)).toThrow(`"${option}"`);
  });
});

describe("the sink", () => {
  test("supports ten messages in a request, and eight requests at once", () => {
    expect(sqsSink({ queueUrl }).supports).toEqual({ writes: "append", maxEntries: 10, concurrency: 8 });
  });

  test("discards repeats for five minutes if the queue is FIFO", () => {
    expect(sqsSink({ queueUrl: `${queueUrl}.fifo`, concurrency: 2, name: "orders" })).toMatchObject({
      name: "orders",
      supports: { maxEntries: 10, concurrency: 2, dedupesForMs: 300_000 },
    });
  });
});
