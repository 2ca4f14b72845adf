// Tells of one item what its table, its stream, each target, the queues and the logs know.

import { spelledKeys } from "@sluice/backfill";
import type { Pipeline } from "@sluice/core";
import type { Image } from "@sluice/core/envelope";
import { type Clock, systemClock } from "@sluice/core/sink-kit";
import { type Answer, isAnswered } from "../aws/answer.ts";
import { conclude } from "./conclusion.ts";
import { type GetItemClient, lookAtTargets, readTable, type TracedTable } from "./item.ts";
import { searchLogs, type TraceLogsClient } from "./logs.ts";
import { type FetchRecord, lookAtQueue, type TracedQueue } from "./queues.ts";
import type { ItemTrace, LogSight, QueuePart, StreamSight } from "./story.ts";
import { searchStream, type TraceStreamsClient } from "./stream.ts";

/** Limits of the work. */
export interface TraceLimits {
  /** Milliseconds and calls for the stream. Defaults 20,000 and 2,000. */
  readonly streamMs?: number;
  readonly streamCalls?: number;
  /** Milliseconds for each queue. Default 20,000. */
  readonly queueMs?: number;
  /** Milliseconds for the log. Default 20,000. */
  readonly logMs?: number;
}

/** Options of `traceItem`. */
export interface TraceOptions {
  readonly pipeline: Pick<Pipeline<unknown>, "name" | "routes" | "targets">;
  readonly table: TracedTable;
  /** All key attributes of the item, as the table has them. */
  readonly keys: Image;
  readonly dynamodb: GetItemClient;
  /** Undefined: the stream is not read. */
  readonly streams?: TraceStreamsClient | undefined;
  readonly queues?: readonly TracedQueue[];
  /** Undefined: the log is not read. */
  readonly logs?: { readonly client: TraceLogsClient; readonly group: string } | undefined;
  /** Fetches records that are in S3. Undefined: they are not read. */
  readonly fetchRecord?: FetchRecord | undefined;
  readonly limits?: TraceLimits;
  /** When it aborts, the trace reads no more, and tells what it knows. */
  readonly signal?: AbortSignal;
  /** Called with the source that is read: its messages or records so far, its targets, or the changes to look for. */
  readonly onProgress?: (source: "queues" | "targets" | "stream" | "log", done: number) => void;
  readonly clock?: Clock;
}

const defaultMs = 20_000;
const defaultCalls = 2_000;

/** The clocks of DynamoDB, Lambda and the log differ, and DynamoDB tells seconds. */
const logMarginMs = 120_000;

const notAsked = (action: string, reason: string) => ({ unanswered: { action, reason } }) as const;

/** Reports the messages or records of a source, one addition after the other. */
const counter = ({ onProgress }: TraceOptions, source: "queues" | "stream"): ((more: number) => void) => {
  let done = 0;
  return (more) => {
    done += more;
    onProgress?.(source, done);
  };
};

const never = new AbortController().signal;

const readQueues = (options: TraceOptions, keys: Image, clock: Clock): Promise<readonly QueuePart[]> => {
  const { pipeline, queues = [], fetchRecord, signal = never, limits: { queueMs: maxMs = defaultMs } = {} } = options;
  const count = counter(options, "queues");
  const search = {
    pipeline: pipeline.name,
    keys,
    fetchRecord,
    maxMs,
    signal,
    onMessage: () => count(1),
    now: clock.now,
  };
  return Promise.all(queues.map((queue) => lookAtQueue(queue, search)));
};

const readStream = (options: TraceOptions, keys: Image, clock: Clock): Promise<Answer<StreamSight>> => {
  const { streams: client, table, signal = never, limits = {} } = options;
  if (client === undefined) return Promise.resolve(notAsked("dynamodb:GetRecords", "not asked"));
  const { streamMs: maxMs = defaultMs, streamCalls: maxCalls = defaultCalls } = limits;
  const onRecords = counter(options, "stream");
  return searchStream({ client, streamArn: table.streamArn, keys, maxMs, maxCalls, signal, onRecords, now: clock.now });
};

/** The changes that are known by their ids, and when the first of them may have been logged. */
const knownChanges = (stream: Answer<StreamSight>, queues: readonly QueuePart[], now: number) => {
  const changes = isAnswered(stream) ? stream.value.changes : [];
  const waiting = queues.flatMap(({ sight }) => (isAnswered(sight) ? sight.value.deliveries : []));
  const ids = [...waiting, ...changes].flatMap(({ eventId }) => eventId || []);
  const times = [...waiting.map(({ firstFailedAt }) => firstFailedAt), ...changes.map(({ at }) => at ?? "")]
    .map((time) => Date.parse(time))
    .filter((ms) => !Number.isNaN(ms));
  return {
    eventIds: [...new Set(ids)],
    startTime: Math.min(now - logMarginMs, ...times.map((ms) => ms - logMarginMs)),
  };
};

const readLogs = async (
  { logs, pipeline, limits = {}, onProgress }: TraceOptions,
  stream: Answer<StreamSight>,
  queues: readonly QueuePart[],
  clock: Clock,
): Promise<Answer<LogSight>> => {
  if (logs === undefined) return notAsked("logs:FilterLogEvents", "no log group is given");
  const known = knownChanges(stream, queues, clock.now());
  if (known.eventIds.length === 0) return notAsked("logs:FilterLogEvents", "no change of the item is known by its id");
  const { logMs: maxMs = defaultMs } = limits;
  onProgress?.("log", known.eventIds.length);
  return searchLogs({ ...logs, ...known, pipeline: pipeline.name, maxMs, now: clock.now });
};

/**
 * Tells what is known of one item. Writes nothing, and hides the messages of the queues for a moment. A source that cannot be
 * asked is `unanswered`. The queues are read before the targets, and the stream after them, so that a change that is
 * delivered meanwhile is not missed by all of them.
 */
export const traceItem = async (options: TraceOptions): Promise<ItemTrace> => {
  const { pipeline, table, dynamodb: client, clock = systemClock, onProgress } = options;
  const keys = spelledKeys(options.keys);
  const at = new Date(clock.now()).toISOString();
  const queues = await readQueues(options, keys, clock);
  const targetsOfPipeline = pipeline.targets();
  onProgress?.("targets", targetsOfPipeline.length);
  const reading = { client, table, keys, clock };
  const item = await readTable(reading);
  const targets = await lookAtTargets(reading, targetsOfPipeline, item);
  const stream = await readStream(options, keys, clock);
  const logs = await readLogs(options, stream, queues, clock);
  const routes = pipeline.routes.map(({ name }) => name);
  const conclusions = conclude({ routes, stream, targets, queues, logs });
  return { pipeline: pipeline.name, table: table.name, keys, at, item, stream, targets, queues, logs, conclusions };
};
