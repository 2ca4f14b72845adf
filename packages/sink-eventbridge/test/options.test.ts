import { describe, expect, test } from "@jest/globals";
import { eventbridgeSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const source = "com.example.orders";

describe("options", () => {
  test("have defaults and are frozen", () => {
    const settings = checkOptions({ source });
    expect(settings).toEqual({
      name: "eventbridge",
      source,
      eventBusName: undefined,
      client: undefined,
      concurrency: 8,
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each(["orders", "aws.partner/example.com/1", "arn:aws:events:us-east-1:123456789012:event-bus/orders"])(
    "accept the bus %s",
    (eventBusName) => {
      expect(checkOptions({ source, eventBusName }).eventBusName).toBe(eventBusName);
    },
  );

  test.each([
    ["source", { source: "" }],
    ["source", { source: undefined as never }],
    ["source", { source: "aws.orders" }],
    ["eventBusName", { source, eventBusName: "" }],
    ["eventBusName", { source, eventBusName: "two words" }],
    ["client", { source, client: { send: () => undefined } as never }],
    ["concurrency", { source, concurrency: 0 }],
    ["eventBus", { source, eventBus: "orders" } as never],
    ["name", { source, name: "" }],
  ])("with an invalid %s throw an error that names the option", (option, options) => {
    expect(() => eventbridgeSink(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => eventbridgeSink(options)).toThrow(`"${option}"`);
  });
});

test("the sink supports ten events in a request, and does not discard repeats", () => {
  expect(eventbridgeSink({ source, concurrency: 2 }).supports).toEqual({
    writes: "append",
    maxEntries: 10,
    concurrency: 2,
  });
});
