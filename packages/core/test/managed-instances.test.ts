// Lambda Managed Instances run several invocations at once in one process. The runtime's InvokeStore keeps the state
// of each invocation separate.

import { AsyncLocalStorage } from "node:async_hooks";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { pipeline } from "../src/index.ts";
import { fixedClock } from "./clocks.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const invocations = new AsyncLocalStorage<Map<unknown, unknown>>();
const stored = (): Map<unknown, unknown> => {
  const store = invocations.getStore();
  if (store === undefined) throw new Error("the state of an invocation was used outside of it");
  return store;
};
/** The two methods of the runtime's store that Powertools uses. */
const InvokeStore = {
  get: (key: unknown) => stored().get(key),
  set: (key: unknown, value: unknown) => stored().set(key, value),
};
const runtime = globalThis as { awslambda?: unknown };
const before = runtime.awslambda;

beforeAll(() => {
  process.env.AWS_LAMBDA_MAX_CONCURRENCY = "8";
  runtime.awslambda = { InvokeStore };
});

afterAll(() => {
  delete process.env.AWS_LAMBDA_MAX_CONCURRENCY;
  runtime.awslambda = before;
});

test("overlapping invocations of one handler do not mix their responses", async () => {
  const sink = scriptedSink({
    writes: "append",
    answer: ({ change }) => (Number(change.keys.sk) % 2 === 1 ? "SINK_DENIED" : "delivered"),
  });
  const handler = pipeline("p", { onReject: "block", logger: recordingLogger(), clock: fixedClock })
    .to(sink, ({ eventId }) => eventId, { dedupe: "none" })
    .handler();
  const batches = Array.from({ length: 8 }, (_, index) =>
    [1, 2].map((place) =>
      streamRecord({ after: { pk: `item-${place}`, sk: String(index) }, position: index * 10 + place }),
    ),
  );
  const answers = await Promise.all(
    batches.map((records) => invocations.run(new Map(), () => handler(streamEvent(records), lambdaContext()))),
  );
  expect(answers).toEqual(
    batches.map((records, index) => ({
      batchItemFailures:
        index % 2 === 0 ? [] : records.map(({ dynamodb }) => ({ itemIdentifier: dynamodb?.SequenceNumber })),
    })),
  );
});
