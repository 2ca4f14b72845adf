// Measures an event source mapping under two loads: a backlog, which shows the throughput, and writes at a constant rate,
// which show the latency.

import { setTimeout as sleep } from "node:timers/promises";
import type { StreamRecord } from "@sluice/core/sink-kit";
import {
  type DynamodbStreamEvent,
  type EventSourceMappingOptions,
  eventSourceMapping,
  type FakeStreams,
  fakeStreams,
  type LambdaContext,
} from "@sluice/local";
import { median, quantile } from "../statistics.ts";
import type { TuningTarget } from "./tuning-target.ts";

/** The settings of the mapping that a measurement varies. */
export type Knobs = Pick<
  EventSourceMappingOptions,
  "batchSize" | "parallelizationFactor" | "maximumBatchingWindowInSeconds"
>;

/** A successful invocation. Times are those of `performance.now`. */
interface Invocation {
  readonly records: readonly StreamRecord[];
  readonly startedMs: number;
  readonly endedMs: number;
}

/** Lambda polls a shard four times a second. */
const pollIntervalMs = 250;

/** Starts a mapping from the stream to a new environment of the target. */
const startMapping = async (
  stream: FakeStreams,
  target: TuningTarget,
  knobs: Knobs,
  onInvocation: (invocation: Invocation) => void,
): Promise<{ readonly drained: () => Promise<void>; readonly stop: () => Promise<void> }> => {
  const errors: unknown[] = [];
  const handler = await target.open();
  const observed = async (event: DynamodbStreamEvent, context: LambdaContext): Promise<unknown> => {
    const startedMs = performance.now();
    const response = await handler(event, context);
    const failed = response.batchItemFailures.length;
    if (failed > 0) throw new Error(`${target.name}: ${failed} records failed; expected none`);
    onInvocation({ records: event.Records, startedMs, endedMs: performance.now() });
    return response;
  };
  const mapping = eventSourceMapping({
    client: stream.client,
    streamArn: stream.streamArn,
    handler: observed,
    startingPosition: "TRIM_HORIZON",
    functionResponseTypes: ["ReportBatchItemFailures"],
    maximumRetryAttempts: 0,
    pollIntervalMs,
    onFunctionError: (error) => errors.push(error),
    ...knobs,
  });
  await mapping.start();
  const stop = async (): Promise<void> => {
    await mapping.stop();
    if (errors.length > 0) throw errors[0];
  };
  return { drained: mapping.drained, stop };
};

/** Creates a stream that holds the records, distributed to the shards in turn. */
export const backlogOf = (records: readonly StreamRecord[], shards: number): FakeStreams => {
  const stream = fakeStreams();
  const ids = Array.from({ length: shards }, () => stream.addShard());
  for (const [index, record] of records.entries()) stream.append(ids[index % shards] ?? "", record);
  return stream;
};

/** The result of working off a backlog. */
export interface CatchUp {
  readonly changesPerSecond: number;
  /** Number of records in the largest batch. */
  readonly largestBatch: number;
  /** Median of the durations of the invocations with the largest batch. */
  readonly largestBatchMs: number;
}

/** The longest time until the first invocation must have ended. */
const firstInvocationMs = 30_000;

/**
 * Works off a backlog. The measurement begins when the first invocation has ended: until then the mapping reads ahead, which
 * needs the processor. It takes `ms` milliseconds; batches that have begun are completed, and count.
 * @throws if an invocation fails, or if there is only one
 */
export const catchUp = async (
  stream: FakeStreams,
  target: TuningTarget,
  knobs: Knobs,
  ms: number,
): Promise<CatchUp> => {
  const invocations: Invocation[] = [];
  const mapping = await startMapping(stream, target, knobs, (invocation) => invocations.push(invocation));
  const giveUpMs = performance.now() + firstInvocationMs;
  while (invocations.length === 0 && performance.now() < giveUpMs) await sleep(1);
  await sleep(ms);
  await mapping.stop();
  const [first, ...measured] = invocations;
  const last = measured.at(-1);
  if (first === undefined || last === undefined) {
    throw new Error(`${target.name}: found ${invocations.length} invocations in ${ms} ms; expected at least 2`);
  }
  const largestBatch = Math.max(...invocations.map(({ records }) => records.length));
  const largest = invocations.filter(({ records }) => records.length === largestBatch);
  const changes = measured.reduce((sum, { records }) => sum + records.length, 0);
  return {
    changesPerSecond: changes / ((last.endedMs - first.endedMs) / 1_000),
    largestBatch,
    largestBatchMs: median(largest.map(({ startedMs, endedMs }) => endedMs - startedMs)),
  };
};

/** A load of writes at a constant rate. */
export interface SteadyLoad {
  readonly changesPerSecond: number;
  readonly ms: number;
  readonly records: readonly StreamRecord[];
}

/** The result of a load of writes. The latency of a change is the time from its write to the end of its invocation. */
export interface SteadyResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly changes: number;
  readonly invocations: number;
}

/** The interval between two groups of writes. */
const tickMs = 10;

/** Writes the records of the load, and notes the time of each write by its sequence number. */
const write = async (stream: FakeStreams, shard: string, load: SteadyLoad): Promise<ReadonlyMap<string, number>> => {
  const writtenMs = new Map<string, number>();
  const beganMs = performance.now();
  const total = Math.min(load.records.length, Math.ceil((load.changesPerSecond * load.ms) / 1_000));
  for (let written = 0; written < total; ) {
    const due = ((performance.now() - beganMs) / 1_000) * load.changesPerSecond;
    for (; written < due && written < total; written += 1) {
      const [sequenceNumber = ""] = stream.append(shard, load.records[written] ?? {});
      writtenMs.set(sequenceNumber, performance.now());
    }
    await sleep(tickMs);
  }
  return writtenMs;
};

/** Writes at a constant rate, and waits until every change is delivered. */
export const steady = async (load: SteadyLoad, target: TuningTarget, knobs: Knobs): Promise<SteadyResult> => {
  const stream = fakeStreams();
  const shard = stream.addShard();
  const invocations: Invocation[] = [];
  const mapping = await startMapping(stream, target, knobs, (invocation) => invocations.push(invocation));
  const writtenMs = await write(stream, shard, load);
  await mapping.drained();
  await mapping.stop();
  const latenciesMs = invocations.flatMap(({ records, endedMs }) =>
    records.map(({ dynamodb }) => endedMs - (writtenMs.get(dynamodb?.SequenceNumber ?? "") ?? Number.NaN)),
  );
  return {
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    changes: latenciesMs.length,
    invocations: invocations.length,
  };
};
