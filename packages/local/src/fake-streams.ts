// A DynamoDB stream in memory that tests control. It can produce events that DynamoDB Local never produces, or only
// after hours: splits, rollovers, trimming and expired iterators.

import type { StreamRecord, StreamsApiRecord } from "@sluice/core/envelope";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { type ShardIteratorType, type StreamShard, type StreamsClient, StreamsError } from "./streams-client.ts";

/** Options of `fakeStreams`. */
export interface FakeStreamsOptions {
  readonly streamArn?: string;
  /** Maximum number of records that GetRecords returns. Default 1,000. */
  readonly pageSize?: number;
  /** The sequence number of the first record. By default, the numbers gain a digit after about ten records. */
  readonly firstSequenceNumber?: bigint;
}

/** A stream that a test controls, and a client that reads the stream. */
export interface FakeStreams {
  readonly client: StreamsClient;
  readonly streamArn: string;
  /** Adds an open shard and returns its id. */
  readonly addShard: (parentId?: string) => string;
  /** Closes a shard. Its readers then reach its end, and `append` throws an error for this shard. */
  readonly closeShard: (shardId: string) => void;
  /** Closes a shard and adds child shards: `children` or, by default, 2. Returns the ids of the child shards. */
  readonly splitShard: (shardId: string, children?: number) => readonly string[];
  /** Appends records in Lambda's format. Sets missing event ids and sequence numbers. Returns the sequence numbers. */
  readonly append: (shardId: string, ...records: readonly StreamRecord[]) => readonly string[];
  /** Trims this number of records of a shard, oldest first, as the stream does after 24 hours. */
  readonly trim: (shardId: string, records: number) => void;
  /** Removes a shard and its records, as if the shard had never existed. */
  readonly removeShard: (shardId: string) => void;
  /** Makes all iterators that were issued so far expire. */
  readonly expireIterators: () => void;
}

interface FakeShard {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly records: StreamsApiRecord[];
  readonly startsAt: string;
  endsAt: string | undefined;
  trimmed: number;
}

interface FakeState {
  readonly streamArn: string;
  readonly pageSize: number;
  readonly shards: Map<string, FakeShard>;
  /** The last sequence number that was issued. */
  sequenceNumber: bigint;
  shardCount: number;
  /** Number of calls of `expireIterators`. An iterator with a lower generation is expired. */
  iteratorGeneration: number;
}

const describePageSize = 100;
const maxPageSize = 1000;
const defaultArn = "arn:aws:dynamodb:us-east-1:000000000000:table/fake/stream/2026-01-01T00:00:00.000";
/** After about ten records, the numbers have one more digit, so that tests fail if code compares them as text. */
const defaultFirst = 99_999_999_999_999_999_999_991n;

const apiRecord = (record: StreamRecord, sequenceNumber: string): StreamsApiRecord => {
  const { userIdentity, eventSourceARN: _, ...rest } = record;
  const { type, principalId } = userIdentity ?? {};
  const identity = {
    ...(principalId === undefined ? {} : { PrincipalId: principalId }),
    ...(type === undefined ? {} : { Type: type }),
  };
  return {
    eventID: `event-${sequenceNumber}`,
    eventName: "MODIFY",
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "us-east-1",
    ...rest,
    dynamodb: { ...record.dynamodb, SequenceNumber: sequenceNumber },
    ...(userIdentity ? { userIdentity: identity } : {}),
  };
};

const sequenceNumberOf = (record: StreamsApiRecord): bigint => BigInt(record.dynamodb?.SequenceNumber ?? 0);

const notFound = (resource: string): StreamsError =>
  new StreamsError("ResourceNotFoundException", `${resource} does not exist`);

const trimmedData = (shardId: string): StreamsError =>
  new StreamsError("TrimmedDataAccessException", `${shardId} no longer holds these records`);

const describeShard = (shard: FakeShard): StreamShard => ({
  ShardId: shard.id,
  ...(shard.parentId === undefined ? {} : { ParentShardId: shard.parentId }),
  SequenceNumberRange: {
    StartingSequenceNumber: shard.startsAt,
    ...(shard.endsAt === undefined ? {} : { EndingSequenceNumber: shard.endsAt }),
  },
});

/** Index of the first record that an iterator of this type returns. */
const indexAt = (shard: FakeShard, type: ShardIteratorType, sequenceNumber: string | undefined): number => {
  if (type === "TRIM_HORIZON") return shard.trimmed;
  if (type === "LATEST") return shard.records.length;
  const wanted = BigInt(sequenceNumber ?? 0);
  const isWanted = (record: StreamsApiRecord): boolean =>
    type === "AT_SEQUENCE_NUMBER" ? sequenceNumberOf(record) >= wanted : sequenceNumberOf(record) > wanted;
  const found = shard.records.findIndex(isWanted);
  const index = found === -1 ? shard.records.length : found;
  const named = shard.records.findIndex((record) => sequenceNumberOf(record) === wanted);
  if (index < shard.trimmed || (named !== -1 && named < shard.trimmed)) throw trimmedData(shard.id);
  return index;
};

const findShard = (state: FakeState, shardId: string): FakeShard => {
  const shard = state.shards.get(shardId);
  if (shard) return shard;
  throw notFound(shardId);
};

const nextSequenceNumber = (state: FakeState, given?: string): string => {
  state.sequenceNumber = given === undefined ? state.sequenceNumber + 1n : BigInt(given);
  return String(state.sequenceNumber);
};

const fakeClient = (state: FakeState): StreamsClient => {
  const checkArn = (streamArn: string): void => {
    if (streamArn !== state.streamArn) throw notFound(streamArn);
  };
  const iterator = (shardId: string, index: number): string =>
    JSON.stringify([shardId, index, state.iteratorGeneration]);
  const describeStream: StreamsClient["describeStream"] = async ({ StreamArn, ExclusiveStartShardId }) => {
    checkArn(StreamArn);
    const all = [...state.shards.values()];
    const from = all.findIndex(({ id }) => id === ExclusiveStartShardId) + 1;
    const page = all.slice(from, from + describePageSize);
    const last = from + page.length < all.length ? page.at(-1) : undefined;
    return { StreamDescription: { Shards: page.map(describeShard), ...(last && { LastEvaluatedShardId: last.id }) } };
  };
  const getShardIterator: StreamsClient["getShardIterator"] = async (input) => {
    checkArn(input.StreamArn);
    const shard = findShard(state, input.ShardId);
    return { ShardIterator: iterator(shard.id, indexAt(shard, input.ShardIteratorType, input.SequenceNumber)) };
  };
  const getRecords: StreamsClient["getRecords"] = async ({ ShardIterator, Limit = maxPageSize }) => {
    const [shardId, index, generation] = JSON.parse(ShardIterator) as [string, number, number];
    if (generation < state.iteratorGeneration) throw new StreamsError("ExpiredIteratorException", "too old");
    const shard = findShard(state, shardId);
    if (index < shard.trimmed) throw trimmedData(shardId);
    const Records = shard.records.slice(index, index + Math.min(Limit, state.pageSize));
    const next = index + Records.length;
    const isEnd = shard.endsAt !== undefined && next === shard.records.length;
    return { Records, ...(isEnd ? {} : { NextShardIterator: iterator(shardId, next) }) };
  };
  return { describeStream, getShardIterator, getRecords };
};

/**
 * Creates a stream without shards.
 * @example
 * const stream = fakeStreams();
 * const parent = stream.addShard();
 * stream.append(parent, record);
 * const [left, right] = stream.splitShard(parent);
 * const mapping = eventSourceMapping({ client: stream.client, streamArn: stream.streamArn, …});
 */
export const fakeStreams = (options: FakeStreamsOptions = {}): FakeStreams => {
  checkOptionNames("fakeStreams", options, { streamArn: true, pageSize: true, firstSequenceNumber: true });
  const { streamArn = defaultArn, pageSize = maxPageSize, firstSequenceNumber = defaultFirst } = options;
  const state: FakeState = {
    streamArn,
    pageSize,
    shards: new Map(),
    sequenceNumber: firstSequenceNumber - 1n,
    shardCount: 0,
    iteratorGeneration: 0,
  };
  const addShard = (parentId?: string): string => {
    state.shardCount += 1;
    const id = `shardId-${String(state.shardCount).padStart(20, "0")}`;
    const startsAt = nextSequenceNumber(state);
    state.shards.set(id, { id, parentId, records: [], startsAt, endsAt: undefined, trimmed: 0 });
    return id;
  };
  const closeShard = (shardId: string): void => {
    findShard(state, shardId).endsAt = nextSequenceNumber(state);
  };
  const append = (shardId: string, ...records: readonly StreamRecord[]): readonly string[] => {
    const shard = findShard(state, shardId);
    if (shard.endsAt !== undefined) throw new StreamsError("ShardClosed", `${shardId} takes no more records`);
    return records.map((record) => {
      const sequenceNumber = nextSequenceNumber(state, record.dynamodb?.SequenceNumber);
      shard.records.push(apiRecord(record, sequenceNumber));
      return sequenceNumber;
    });
  };
  return {
    client: fakeClient(state),
    streamArn,
    addShard,
    closeShard,
    splitShard: (shardId, children = 2) => {
      closeShard(shardId);
      return Array.from({ length: children }, () => addShard(shardId));
    },
    append,
    trim: (shardId, records) => {
      findShard(state, shardId).trimmed += records;
    },
    removeShard: (shardId) => void state.shards.delete(shardId),
    expireIterators: () => {
      state.iteratorGeneration += 1;
    },
  };
};
