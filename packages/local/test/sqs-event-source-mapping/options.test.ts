import { describe, expect, test } from "@jest/globals";
import type { ConfigError } from "@sluice/core/sink-kit";
import { type SqsEventSourceMappingOptions, sqsEventSourceMapping } from "../../src/index.ts";
import { sqsMappingSettings } from "../../src/sqs-event-source-mapping/options.ts";

const unused = async (): Promise<never> => {
  throw new Error("a mapping that is not started makes no request");
};
const client = { receiveMessage: unused, deleteMessageBatch: unused, getQueueAttributes: unused };
const required = { client, queueUrl: "http://127.0.0.1/000000000000/queue", handler: async () => undefined };
const fifo = { queueUrl: `${required.queueUrl}.fifo` };

const codeOf = (options: object): { code?: string; message?: string } => {
  try {
    sqsEventSourceMapping({ ...required, ...options } as SqsEventSourceMappingOptions);
    return {};
  } catch (error) {
    const { code, message } = error as ConfigError;
    return { code, message };
  }
};

describe("the options of a queue's event source mapping", () => {
  test("have AWS's defaults", () => {
    expect(sqsMappingSettings(required)).toMatchObject({
      batchSize: 10,
      windowMs: 0,
      concurrency: 5,
      reportsBatchItemFailures: false,
    });
  });

  test.each<[string, object]>([
    ["batchSize", { batchSize: 0 }],
    ["batchSize", { batchSize: 10_001 }],
    ["batchSize", { ...fifo, batchSize: 11, maximumBatchingWindowInSeconds: 1 }],
    ["maximumBatchingWindowInSeconds", { maximumBatchingWindowInSeconds: 301 }],
    ["maximumBatchingWindowInSeconds", { batchSize: 11 }],
    ["maximumBatchingWindowInSeconds", { ...fifo, maximumBatchingWindowInSeconds: 1 }],
    ["maximumConcurrency", { maximumConcurrency: 1 }],
    ["maximumConcurrency", { maximumConcurrency: 1001 }],
    ["functionResponseTypes", { functionResponseTypes: ["ReportBatchItemFailure"] }],
    ["functionTimeoutMs", { functionTimeoutMs: 900_001 }],
    ["pollIntervalMs", { pollIntervalMs: 0 }],
  ])("are rejected by name: %s of %j", (name, options) => {
    const { code, message } = codeOf(options);
    expect(code).toBe("CONFIG_INVALID");
    expect(message).toMatch(new RegExp(`^option "${name}" must be `));
  });

  test.each<object>([
    { batchSize: 10_000, maximumBatchingWindowInSeconds: 1 },
    { ...fifo, batchSize: 10, maximumConcurrency: 2 },
    { maximumConcurrency: 1000, functionResponseTypes: ["ReportBatchItemFailures"] },
  ])("accept what AWS accepts: %j", (options) => {
    expect(codeOf(options)).toEqual({});
  });
});
