// Looks for the item's changes in the table's stream: reads the shards, the latest first, within a limit of time and calls.

import { type Image, lambdaRecord, type StreamRecord, type StreamsApiRecord } from "@sluice/core/envelope";
import { eachBounded } from "@sluice/core/sink-kit";
import { type Answer, ask, isAnswered, type Unanswered } from "../aws/answer.ts";
import { isKeyOf, versionIn } from "./record.ts";
import type { StreamChange, StreamSight } from "./story.ts";

type CallOptions = { readonly abortSignal: AbortSignal };

interface ShardDescription {
  readonly ShardId?: string | undefined;
  readonly SequenceNumberRange?:
    | { readonly StartingSequenceNumber?: string | undefined; readonly EndingSequenceNumber?: string | undefined }
    | undefined;
}

/** The methods of the SDK's client `DynamoDBStreams` that a trace calls. */
export interface TraceStreamsClient {
  readonly describeStream: (
    input: { StreamArn: string; ExclusiveStartShardId?: string },
    options: CallOptions,
  ) => Promise<{
    readonly StreamDescription?:
      | {
          readonly Shards?: readonly ShardDescription[] | undefined;
          readonly LastEvaluatedShardId?: string | undefined;
        }
      | undefined;
  }>;
  readonly getShardIterator: (
    input: { StreamArn: string; ShardId: string; ShardIteratorType: "TRIM_HORIZON" },
    options: CallOptions,
  ) => Promise<{ readonly ShardIterator?: string | undefined }>;
  readonly getRecords: (
    input: { ShardIterator: string },
    options: CallOptions,
  ) => Promise<{
    readonly Records?: readonly unknown[] | undefined;
    readonly NextShardIterator?: string | undefined;
  }>;
}

/** What to look for, and how long. */
export interface StreamSearch {
  readonly client: TraceStreamsClient;
  readonly streamArn: string;
  readonly keys: Image;
  readonly maxMs: number;
  readonly maxCalls: number;
  readonly signal: AbortSignal;
  readonly onRecords: (records: number) => void;
  readonly now: () => number;
}

/** An open shard has no end. After this many empty answers in a row it counts as read: a read may begin with empty ones. */
const maxEmptyPages = 5;

/** Two readers may read a shard. Few shards at once leave the pipeline its share of the calls. */
const shardsAtOnce = 8;

interface Shard {
  readonly id: string;
  readonly isOpen: boolean;
  readonly start: bigint;
}

const shardOf = ({ ShardId: id = "", SequenceNumberRange: range = {} }: ShardDescription): Shard => ({
  id,
  isOpen: range.EndingSequenceNumber === undefined,
  start: BigInt(range.StartingSequenceNumber ?? 0),
});

const latestFirst = (one: Shard, other: Shard): number => {
  if (one.isOpen !== other.isOpen) return one.isOpen ? -1 : 1;
  return one.start > other.start ? -1 : Number(one.start < other.start);
};

const listShards = async ({ client, streamArn: StreamArn }: StreamSearch): Promise<Answer<readonly Shard[]>> => {
  const shards: Shard[] = [];
  let after: string | undefined;
  do {
    const input = { StreamArn, ...(after !== undefined && { ExclusiveStartShardId: after }) };
    const page = await ask("dynamodb:DescribeStream", (abortSignal) => client.describeStream(input, { abortSignal }));
    if (!isAnswered(page)) return page;
    const { Shards = [], LastEvaluatedShardId } = page.value.StreamDescription ?? {};
    shards.push(...Shards.map(shardOf));
    after = LastEvaluatedShardId;
  } while (after !== undefined);
  return { value: shards.sort(latestFirst) };
};

const kinds = { INSERT: "insert", MODIFY: "modify", REMOVE: "remove" } as const;

const changeOf = (record: StreamRecord): StreamChange | undefined => {
  const version = versionIn(record);
  const seconds = record.dynamodb?.ApproximateCreationDateTime;
  const kind = kinds[record.eventName as keyof typeof kinds];
  if (version === undefined || kind === undefined) return undefined;
  const at = typeof seconds === "number" ? new Date(seconds * 1_000).toISOString().replace(".000Z", "Z") : undefined;
  const isTtlRemoval = record.userIdentity?.principalId === "dynamodb.amazonaws.com";
  return { eventId: record.eventID ?? "", kind, at, version, isTtlRemoval };
};

/** A search that runs: what it has found, and what is left of its limits. */
interface Run {
  readonly search: StreamSearch;
  readonly changes: StreamChange[];
  readonly endsAt: number;
  calls: number;
  records: number;
  shardsRead: number;
  /** Why the search ends early. */
  stopped: string | undefined;
  refusal: Unanswered | undefined;
}

/** Makes one call if the limits allow it, and notes why no other may follow. */
const call = async <Result>(
  run: Run,
  action: string,
  request: (options: CallOptions) => Promise<Result>,
  missing?: () => Result,
): Promise<Result | undefined> => {
  if (run.search.signal.aborted) run.stopped ??= "when it was interrupted";
  else if (run.calls >= run.search.maxCalls) run.stopped ??= `after ${run.calls} calls`;
  else if (run.search.now() >= run.endsAt) run.stopped ??= `after ${run.search.maxMs / 1_000} s`;
  if (run.stopped !== undefined) return undefined;
  run.calls += 1;
  const answer = await ask(action, (abortSignal) => request({ abortSignal }), missing);
  if (isAnswered(answer)) return answer.value;
  run.refusal ??= answer.unanswered;
  run.stopped ??= `when ${action} was refused: ${answer.unanswered.reason}`;
  return undefined;
};

const addRecords = (run: Run, records: readonly unknown[]): void => {
  const { keys, streamArn, onRecords } = run.search;
  onRecords(records.length);
  run.records += records.length;
  for (const one of records) {
    const record = lambdaRecord(one as StreamsApiRecord, streamArn);
    const change = isKeyOf(keys, record.dynamodb?.Keys) ? changeOf(record) : undefined;
    if (change !== undefined) run.changes.push(change);
  }
};

const readShard = async (run: Run, { id: ShardId, isOpen }: Shard): Promise<void> => {
  const { client, streamArn: StreamArn } = run.search;
  const start = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
  // The records of a shard that no longer exists have been trimmed.
  const ended = () => ({ ShardIterator: undefined });
  const first = await call(
    run,
    "dynamodb:GetShardIterator",
    (options) => client.getShardIterator(start, options),
    ended,
  );
  if (first === undefined) return;
  let next = first.ShardIterator;
  for (let empty = 0; next !== undefined && !(isOpen && empty >= maxEmptyPages); ) {
    const ShardIterator: string = next;
    const page = await call(run, "dynamodb:GetRecords", (options) => client.getRecords({ ShardIterator }, options));
    if (page === undefined) return;
    const { Records = [], NextShardIterator } = page;
    addRecords(run, Records);
    empty = Records.length === 0 ? empty + 1 : 0;
    next = NextShardIterator;
  }
  run.shardsRead += 1;
};

const byVersion = (one: StreamChange, other: StreamChange): number =>
  one.version < other.version ? -1 : Number(one.version > other.version);

/** Reads the stream, and returns the item's changes in it. */
export const searchStream = async (search: StreamSearch): Promise<Answer<StreamSight>> => {
  const endsAt = search.now() + search.maxMs;
  const shards = await listShards(search);
  if (!isAnswered(shards)) return shards;
  const run: Run = {
    search,
    changes: [],
    endsAt,
    calls: 0,
    records: 0,
    shardsRead: 0,
    stopped: undefined,
    refusal: undefined,
  };
  await eachBounded(shards.value, shardsAtOnce, (shard) => readShard(run, shard));
  if (run.refusal !== undefined && run.records === 0) return { unanswered: run.refusal };
  const { records, shardsRead, stopped } = run;
  return {
    value: {
      changes: run.changes.sort(byVersion),
      isComplete: stopped === undefined,
      stopped,
      shards: shards.value.length,
      shardsRead,
      records,
    },
  };
};
