import { describe, expect, test } from "@jest/globals";
import type { ConfigError } from "@sluice/core/sink-kit";
import { streamMappingSettings } from "../../src/event-source-mapping/options.ts";
import { type EventSourceMappingOptions, eventSourceMapping, fakeStreams } from "../../src/index.ts";

const { client, streamArn } = fakeStreams();
const required = { client, streamArn, startingPosition: "TRIM_HORIZON", handler: async () => undefined } as const;

const codeOf = (options: object): { code?: string; message?: string } => {
  try {
    eventSourceMapping({ ...required, ...options } as EventSourceMappingOptions);
    return {};
  } catch (error) {
    const { code, message } = error as ConfigError;
    return { code, message };
  }
};

describe("the options of an event source mapping", () => {
  test("have AWS's defaults", () => {
    expect(streamMappingSettings(required)).toMatchObject({
      batchSize: 100,
      windowMs: 0,
      parallelizationFactor: 1,
      bisects: false,
      maxRetries: Number.POSITIVE_INFINITY,
      maxAgeMs: Number.POSITIVE_INFINITY,
      reportsBatchItemFailures: false,
    });
  });

  test.each([
    ["batchSize", 0],
    ["batchSize", 10_001],
    ["batchSize", 1.5],
    ["maximumBatchingWindowInSeconds", -1],
    ["maximumBatchingWindowInSeconds", 301],
    ["parallelizationFactor", 0],
    ["parallelizationFactor", 11],
    ["maximumRetryAttempts", -2],
    ["maximumRetryAttempts", 10_001],
    ["maximumRecordAgeInSeconds", 0],
    ["maximumRecordAgeInSeconds", 59],
    ["maximumRecordAgeInSeconds", 604_801],
    ["startingPosition", "AT_TIMESTAMP"],
    ["functionTimeoutMs", 0],
    ["functionResponseTypes", ["Everything"]],
    ["destinationConfig", { onFailure: { kind: "kafka", send: async () => undefined } }],
    ["filterCriteria", { filters: Array.from({ length: 11 }, () => ({ pattern: "{}" })) }],
  ])("are rejected by name when out of range: %s = %p", (name, value) => {
    expect(codeOf({ [name]: value })).toEqual({ code: "CONFIG_INVALID", message: expect.stringContaining(name) });
  });

  test.each([
    ["batchSize", 10_000],
    ["maximumBatchingWindowInSeconds", 300],
    ["parallelizationFactor", 10],
    ["maximumRetryAttempts", -1],
    ["maximumRetryAttempts", 0],
    ["maximumRecordAgeInSeconds", -1],
    ["maximumRecordAgeInSeconds", 60],
  ])("are accepted at the limits: %s = %p", (name, value) => {
    expect(codeOf({ [name]: value })).toEqual({});
  });

  test.each([
    ["eventSourceMapping", { batchsize: 10 }],
    ["filterCriteria", { filterCriteria: { Filters: [] } }],
    ["destinationConfig", { destinationConfig: { OnFailure: {} } }],
    [
      "destinationConfig.onFailure",
      { destinationConfig: { onFailure: { kind: "sqs", send: async () => 1, arn: "" } } },
    ],
  ])("are refused by name when %s does not know them", (factory, options) => {
    const unknown = /has no option "(batchsize|Filters|OnFailure|arn)"; expected only /;
    const { code, message } = codeOf(options);
    expect(code).toBe("CONFIG_INVALID");
    expect(message).toMatch(unknown);
    expect(message).toContain(factory);
  });
});
