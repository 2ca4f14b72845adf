// A deployed pipeline by a fake clock: a table and its stream, the function with its two event source mappings, the
// queues, the targets, and the metrics that AWS and Sluice would publish.

import { type InvocationReport, type PipelineOptions, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { emfMetrics } from "@sluice/core/metrics";
import {
  type EventSourceMapping,
  type EventSourceMappingOptions,
  eventSourceMapping,
  type FakeClock,
  type FakeStreams,
  fakeClock,
  fakeStreams,
  type OnFailureDestination,
  type SqsEventSourceMapping,
  sqsEventSourceMapping,
} from "@sluice/local";
import { lambdaContext, streamRecord } from "@sluice/testing";
import { putEmfLine } from "./emf.ts";
import { type FakeFunction, fakeFunction } from "./function.ts";
import { measuredClient, measuredMapping } from "./measures.ts";
import { type Metrics, metricStore } from "./metrics.ts";
import { names, tableName } from "./names.ts";
import { type FakeQueue, fakeQueue } from "./queue.ts";
import { fakeTarget, type Target } from "./target.ts";

/** Routes of the pipeline. The retry queue takes failed deliveries of `search`; the stream retries those of `orders`. */
export const routes = ["search", "orders"] as const;

export interface WorldOptions {
  /** Lambda's on-failure destination of the stream's mapping. Default: it accepts everything. */
  readonly destination?: "accepting" | "failing" | "none";
  readonly mapping?: Pick<
    EventSourceMappingOptions,
    "maximumRetryAttempts" | "maximumRecordAgeInSeconds" | "parallelizationFactor" | "batchSize"
  >;
  /** Environments of the function. Default 2. */
  readonly environments?: number;
  /** Pause between two polls of the stream and of the retry queue. Default 5 seconds. */
  readonly pollIntervalMs?: number;
}

export interface World {
  readonly clock: FakeClock;
  readonly metrics: Metrics;
  readonly function: FakeFunction;
  readonly mapping: EventSourceMapping;
  readonly retryMapping: SqsEventSourceMapping;
  readonly retries: FakeQueue;
  readonly deadLetters: FakeQueue;
  /** The reports of all invocations so far. */
  readonly reports: readonly InvocationReport[];
  readonly targets: Readonly<Record<(typeof routes)[number], Target>>;
  /** Writes an item to the table, which also appends a record to the stream. */
  readonly put: (pk: string) => void;
  /** The records of all writes so far. */
  readonly records: () => readonly StreamRecord[];
  /** Redrives all dead letters, as a person does after the mend. */
  readonly redrive: () => Promise<void>;
  /** Invokes the function with the event of a task. */
  readonly invokeTask: (task: "redrive" | "backfill", records: readonly unknown[]) => Promise<unknown>;
  /** Adds the metrics of mappings and queues to the minute with this time. */
  readonly measure: (atMs: number) => void;
  readonly stop: () => Promise<void>;
}

const startMs = Date.parse("2026-01-05T00:00:00Z");
const functionTimeoutMs = 60_000;

const destinationOf = (answer: WorldOptions["destination"]): OnFailureDestination | undefined => {
  if (answer === "none") return undefined;
  return {
    kind: "s3",
    send: async () => {
      if (answer === "failing") throw new Error("access denied");
    },
  };
};

interface Parts {
  readonly reports: InvocationReport[];
  readonly clock: FakeClock;
  readonly metrics: Metrics;
  readonly retries: FakeQueue;
  readonly deadLetters: FakeQueue;
  readonly targets: World["targets"];
}

const silent: NonNullable<PipelineOptions<unknown>["logger"]> = { info: () => undefined, warn: () => undefined };

const newHandler = ({ clock, metrics, retries, deadLetters, targets, reports }: Parts) =>
  pipeline("orders", {
    retryQueue: sqsRetryQueue({ queueUrl: retries.url, client: retries.client }),
    deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetters.url, client: deadLetters.client }),
    observers: [
      emfMetrics({ functionName: names.function, write: (line) => putEmfLine(metrics, line) }),
      { onInvocation: (report) => reports.push(report) },
    ],
    logger: silent,
    clock,
  })
    .to(targets.search.sink, (change) => change.after, { name: "search" })
    .to(targets.orders.sink, (change) => change.after, { name: "orders", retryIn: "stream" })
    .handler();

const mappingsOf = (
  { clock, metrics, retries }: Parts,
  handler: FakeFunction["handler"],
  stream: FakeStreams,
  { destination, mapping, pollIntervalMs = 5_000 }: WorldOptions,
): { readonly ofStream: EventSourceMapping; readonly ofRetries: SqsEventSourceMapping } => {
  const onFailure = destinationOf(destination);
  const shared = {
    handler,
    clock,
    functionTimeoutMs,
    functionName: names.function,
    functionResponseTypes: ["ReportBatchItemFailures"],
    onFunctionError: () => undefined,
    onProblem: () => undefined,
    pollIntervalMs,
  } as const;
  const ofStream = eventSourceMapping({
    ...shared,
    client: measuredClient(stream.client, metrics),
    streamArn: stream.streamArn,
    startingPosition: "TRIM_HORIZON",
    batchSize: 1_000,
    maximumBatchingWindowInSeconds: 1,
    bisectBatchOnFunctionError: true,
    maximumRetryAttempts: 10_000,
    ...(onFailure && { destinationConfig: { onFailure } }),
    ...mapping,
  });
  const ofRetries = sqsEventSourceMapping({ ...shared, client: retries.client, queueUrl: retries.url });
  return { ofStream, ofRetries };
};

/** Creates the world and starts its mappings. */
export const startWorld = async (options: WorldOptions = {}): Promise<World> => {
  const clock = fakeClock(startMs);
  const metrics = metricStore(clock.now);
  const parts: Parts = {
    clock,
    metrics,
    reports: [],
    retries: fakeQueue(names["retry-queue"], clock.now),
    deadLetters: fakeQueue(names["dead-letters"], clock.now),
    targets: { search: fakeTarget("search", clock), orders: fakeTarget("orders", clock) },
  };
  const lambda = fakeFunction({
    name: names.function,
    clock,
    metrics,
    environments: options.environments ?? 2,
    newHandler: () => newHandler(parts),
  });
  const stream = fakeStreams({ streamArn: streamRecord({ after: { pk: "" } }).eventSourceARN ?? "" });
  const shard = stream.addShard();
  const { ofStream, ofRetries } = mappingsOf(parts, lambda.handler, stream, options);
  const records: StreamRecord[] = [];
  const put = (pk: string): void => {
    const createdAt = new Date(clock.now()).toISOString();
    const record = streamRecord({ after: { pk, count: records.length }, position: records.length + 1, createdAt });
    records.push(record);
    stream.append(shard, record);
    metrics.put(
      { namespace: "AWS/DynamoDB", metric: "ConsumedWriteCapacityUnits", dimensions: { TableName: tableName } },
      1,
    );
  };
  await ofStream.start();
  await ofRetries.start();
  const invokeTask: World["invokeTask"] = (task, of) =>
    lambda.handler({ Records: of, sluice: { task } }, lambdaContext({ functionName: names.function }));
  return {
    ...parts,
    function: lambda,
    mapping: ofStream,
    retryMapping: ofRetries,
    put,
    records: () => records,
    invokeTask,
    redrive: async () => {
      const bodies = parts.deadLetters.bodies();
      await invokeTask(
        "redrive",
        bodies.map((body, index) => ({ messageId: String(index), body })),
      );
      parts.deadLetters.clear();
    },
    measure: measuredMapping(metrics, ofStream.counters, [parts.retries, parts.deadLetters]),
    stop: async () => {
      await Promise.all([ofStream.stop(), ofRetries.stop()]);
    },
  };
};
