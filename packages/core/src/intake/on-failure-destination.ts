// Lambda's on-failure destination gets the batches that Lambda gave up on after a crash, a timeout or their maximum
// age. SQS and SNS get a pointer into the stream, which retains records for 24 hours. S3 gets the whole event. Each kind
// has its own reader, so that a bundle contains only the clients that the pipeline's destination needs.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html (read 2026-11-25)

import { SinkError } from "../errors.ts";
import type { StreamRecord } from "../record/change.ts";
import { lambdaRecord, type StreamsApiRecord } from "../record/lambda-record.ts";
import { type AwsService, awsRequestError } from "../sink/aws-error.ts";
import { type Destroyable, lazyClient, missingDependency, verifiedTls } from "../sink/lazy-client.ts";
import { checkOptionNames } from "../sink/option.ts";
import type { BatchPointer, ObjectAddress } from "./message-content.ts";

/** Reads the records that Lambda gave up on. A message whose method is missing stays unread. */
export interface OnFailureDestinationReader {
  /**
   * Reads records from the stream again. `lost` is the minimum number of records that are no longer in the stream.
   * @throws {SinkError} when the stream cannot be read. Trimmed records do not throw: they count as lost.
   */
  readonly readStream?: (
    pointer: BatchPointer,
    signal: AbortSignal,
  ) => Promise<{ readonly records: readonly StreamRecord[]; readonly lost: number }>;
  /** @throws {RecordError} RECORD_LOST when the object does not exist, {SinkError} for any other error of S3. */
  readonly readObject?: (address: ObjectAddress) => Promise<string>;
}

/**
 * The calls of `DynamoDBStreams` from `@aws-sdk/client-dynamodb-streams` that core makes; your own client fits.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
 */
export interface StreamsReader {
  readonly getShardIterator: (input: {
    StreamArn: string;
    ShardId: string;
    ShardIteratorType: "AT_SEQUENCE_NUMBER" | "TRIM_HORIZON";
    SequenceNumber?: string;
  }) => Promise<{ readonly ShardIterator?: string | undefined }>;
  readonly getRecords: (input: { ShardIterator: string }) => Promise<{
    readonly Records?: readonly unknown[] | undefined;
    readonly NextShardIterator?: string | undefined;
  }>;
}

/** Options of `onFailureDestinationReader`. */
export interface OnFailureDestinationReaderOptions {
  /** Default: a `DynamoDBStreams` client with the SDK's own defaults, loaded at the first pointer. */
  readonly streams?: StreamsReader;
}

/** `SINK_GONE` means that the shard or the whole stream no longer exists, or that the records are trimmed. */
const streamsService: AwsService = {
  name: "DynamoDB Streams",
  codes: { ResourceNotFound: "SINK_GONE", TrimmedDataAccess: "SINK_GONE" },
};

/** A read ends after this many empty pages. Even if records follow, a read can begin with empty pages. */
const maxEmptyPages = 25;

const loadStreams = async (): Promise<StreamsReader & Destroyable> => {
  const { DynamoDBStreams } = await import("@aws-sdk/client-dynamodb-streams").catch(
    missingDependency("onFailureDestinationReader", "@aws-sdk/client-dynamodb-streams"),
  );
  return new DynamoDBStreams({ requestHandler: verifiedTls }) as unknown as StreamsReader & Destroyable;
};

const isTrimmed = (error: unknown): boolean => error instanceof Error && error.name === "TrimmedDataAccessException";

/** Returns an iterator at the pointer's first record, or at the oldest record in the stream if the first is trimmed. */
const startOf = async (client: StreamsReader, pointer: BatchPointer) => {
  const shard = { StreamArn: pointer.streamArn, ShardId: pointer.shardId };
  try {
    const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", SequenceNumber: pointer.startSequenceNumber } as const;
    return { iterator: (await client.getShardIterator({ ...shard, ...at })).ShardIterator, isTrimmed: false };
  } catch (error) {
    if (!isTrimmed(error)) throw error;
    const { ShardIterator } = await client.getShardIterator({ ...shard, ShardIteratorType: "TRIM_HORIZON" });
    return { iterator: ShardIterator, isTrimmed: true };
  }
};

const sequenceNumberOf = ({ dynamodb }: StreamRecord): bigint => BigInt(dynamodb?.SequenceNumber ?? 0);

/** Returns the records from an iterator up to the pointer's end. */
const recordsFrom = async (
  client: StreamsReader,
  { iterator, isTrimmed: mayBeEmpty }: Awaited<ReturnType<typeof startOf>>,
  pointer: BatchPointer,
  signal: AbortSignal,
): Promise<StreamRecord[]> => {
  const end = BigInt(pointer.endSequenceNumber);
  const found: StreamRecord[] = [];
  let emptyPages = 0;
  for (let next = iterator; next !== undefined && !(mayBeEmpty && emptyPages > maxEmptyPages); ) {
    if (signal.aborted)
      throw new SinkError("SINK_TIMEOUT", "the invocation's time was over before a batch was read back");
    const { Records = [], NextShardIterator } = await client.getRecords({ ShardIterator: next });
    const records = Records.map((record) => lambdaRecord(record as StreamsApiRecord, pointer.streamArn));
    found.push(...records.filter((record) => sequenceNumberOf(record) <= end));
    const last = records.at(-1);
    if (last !== undefined && sequenceNumberOf(last) >= end) break;
    emptyPages = last === undefined ? emptyPages + 1 : 0;
    next = NextShardIterator;
  }
  return found;
};

/** Creates a reader of the pointers that Lambda sends to SQS and SNS. The SDK's client is loaded at the first pointer. */
export const onFailureDestinationReader = (
  options: OnFailureDestinationReaderOptions = {},
): Required<Pick<OnFailureDestinationReader, "readStream">> => {
  checkOptionNames("onFailureDestinationReader", options, { streams: true });
  const streamsClient = lazyClient<StreamsReader>(options.streams, loadStreams);
  return {
    readStream: async (pointer, signal) => {
      const client = await streamsClient.get();
      try {
        const start = await startOf(client, pointer);
        const records = await recordsFrom(client, start, pointer, signal);
        return { records, lost: Math.max(start.isTrimmed ? 1 : 0, pointer.batchSize - records.length) };
      } catch (error) {
        const failure = awsRequestError("stream", streamsService, error);
        if (failure.code === "SINK_GONE") return { records: [], lost: pointer.batchSize };
        throw failure;
      }
    },
  };
};
