// When core loads clients: those of the sinks while the function starts, those of the queues in the second invocation.

import { expect, test } from "@jest/globals";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { pipeline, sqsDeadLetterQueue } from "../src/index.ts";
import { awsBatchSink, type Sink } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const event = () => streamEvent([streamRecord({ after: { pk: "a", sk: "1" } })]);
const macrotask = () => new Promise(setImmediate);

const handlerOf = (sink: Partial<Sink<unknown, "upsert">>, deadLetterQueue: object = {}) => {
  const logger = recordingLogger();
  const letters = { ...memoryDeadLetterQueue(), ...deadLetterQueue };
  const target = { ...scriptedSink({ writes: "upsert", name: "held" }), ...sink };
  const handler = pipeline("p", { deadLetterQueue: letters, logger })
    .to(target as Sink<unknown, "upsert">, ({ after }) => after)
    .handler();
  return { handler, logger };
};

test("a sink is prepared before Lambda sends the first event, and as a method", async () => {
  let prepared: unknown;
  const sink = {
    prepare(this: unknown) {
      prepared = this;
      return Promise.resolve();
    },
  };
  handlerOf(sink);
  await macrotask();
  expect(prepared).toMatchObject({ name: "held" });
});

test.each<[string, () => Promise<void>]>([
  ["rejects", () => Promise.reject(new Error("no package"))],
  [
    "throws",
    () => {
      throw new Error("no package");
    },
  ],
])("a sink whose preparation %s still gets its deliveries", async (_name, prepare) => {
  const { handler, logger } = handlerOf({ prepare });
  await macrotask();
  expect(await handler(event(), lambdaContext())).toEqual({ batchItemFailures: [] });
  expect(logger.lines.filter(({ level }) => level === "warn")).toEqual([]);
});

test("a sink of the SDK creates its client once, when it is prepared", async () => {
  let made = 0;
  const sink = awsBatchSink<string, object, object>({
    name: "s",
    client: undefined,
    concurrency: 1,
    service: { name: "S", codes: {} },
    resource: { service: "sqs", address: "queue" },
    maxBytes: 1_000,
    makeClient: async () => {
      made += 1;
      return { destroy: () => undefined };
    },
    encode: () => ({ entry: {}, bytes: 1 }),
    send: async (_client, entries) => entries.map(() => ({ outcome: "delivered" }) as never),
  });
  expect(made).toBe(0);
  await Promise.all([sink.prepare?.(), sink.prepare?.()]);
  expect(made).toBe(1);
  await sink.close?.();
});

test("the queues are prepared in the second invocation, once", async () => {
  let prepared = 0;
  const prepare = async () => {
    prepared += 1;
  };
  const { handler } = handlerOf({}, { prepare });
  const counts: number[] = [];
  for (let invocation = 0; invocation < 4; invocation += 1) {
    await handler(event(), lambdaContext());
    counts.push(prepared);
  }
  expect(counts).toEqual([0, 1, 1, 1]);
});

test("an invocation that is nearly over prepares no queue: it would time out after its writes", async () => {
  let prepared = 0;
  const prepare = async () => {
    prepared += 1;
  };
  const { handler } = handlerOf({}, { prepare });
  const late = { ...lambdaContext(), getRemainingTimeInMillis: () => 2_000 };
  for (const context of [late, late, late, lambdaContext()]) await handler(event(), context);
  expect(prepared).toBe(0);
  await handler(event(), lambdaContext());
  expect(prepared).toBe(1);
});

test("a queue whose client cannot be loaded is logged, and the invocation succeeds", async () => {
  const { handler, logger } = handlerOf({}, { prepare: () => Promise.reject(new Error("no package")) });
  for (let invocation = 0; invocation < 2; invocation += 1) {
    expect(await handler(event(), lambdaContext())).toEqual({ batchItemFailures: [] });
  }
  const warnings = logger.lines.filter(({ level }) => level === "warn");
  expect(warnings).toMatchObject([{ message: "queue cannot be written", fields: { queue: "deadLetterQueue" } }]);
});

test("the dead-letter queue on SQS can be prepared", async () => {
  const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead";
  await expect(sqsDeadLetterQueue({ queueUrl }).prepare?.()).resolves.toBeUndefined();
});
