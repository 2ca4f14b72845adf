// Lambda's on-failure destination: batches that Lambda gave up on after a crash, a timeout or their maximum age. SQS and SNS get a
// pointer into the stream, which forgets after 24 hours; S3 gets the whole event.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html (read 2026-11-25)

import { loadS3, readObject, type S3Client } from "../envelope/payload-store.ts";
import { RecordError, SinkError } from "../errors.ts";
import type { StreamRecord } from "../record/change.ts";
import { lambdaRecord, type StreamsApiRecord } from "../record/lambda-record.ts";
import { type AwsService, awsRequestError } from "../sink/aws-error.ts";
import { lazyClient, missingDependency } from "../sink/lazy-client.ts";

/** Which records Lambda gave up on. */
export interface BatchPointer {
  readonly shardId: string;
  readonly startSequenceNumber: string;
  readonly endSequenceNumber: string;
  readonly approximateArrivalOfFirstRecord?: string;
  readonly approximateArrivalOfLastRecord?: string;
  readonly batchSize: number;
  readonly streamArn: string;
}

/** Records that were read back; at least `lost` others are no longer in the stream. */
export interface ReadBack {
  readonly records: readonly StreamRecord[];
  readonly lost: number;
}

/** An S3 object with an invocation that failed. */
export interface ObjectAddress {
  readonly bucket: string;
  readonly key: string;
}

/** Reads the records that Lambda gave up on. */
export interface OnFailureDestinationReader {
  /** @throws {SinkError} when the stream cannot be read. Trimmed records are no error: they count as lost. */
  readonly readStream: (pointer: BatchPointer, signal: AbortSignal) => Promise<ReadBack>;
  /** @throws {RecordError} RECORD_LOST when the object is gone, {SinkError} for any other failure of S3. */
  readonly readObject: (address: ObjectAddress) => Promise<string>;
}

/**
 * The calls of `DynamoDBStreams` from `@aws-sdk/client-dynamodb-streams` that are used; your own client fits.
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
  /** Default: an `S3` client with the SDK's own defaults, loaded at the first object. */
  readonly s3?: S3Client;
}

const streamsService: AwsService = { name: "DynamoDB Streams", codes: { ResourceNotFound: "SINK_GONE" } };

/** A shard that is read from its trim horizon may answer empty pages before its first record. */
const maxEmptyPages = 25;

const loadStreams = async (): Promise<StreamsReader & { readonly destroy: () => void }> => {
  const { DynamoDBStreams } = await import("@aws-sdk/client-dynamodb-streams").catch(
    missingDependency("reading Lambda's on-failure destination", "@aws-sdk/client-dynamodb-streams"),
  );
  return new DynamoDBStreams({}) as unknown as StreamsReader & { destroy: () => void };
};

const isTrimmed = (error: unknown): boolean => error instanceof Error && error.name === "TrimmedDataAccessException";

interface Start {
  readonly iterator: string | undefined;
  readonly isTrimmed: boolean;
}

/** Iterator at the pointer's first record, or at the oldest record if the stream has trimmed that one. */
const startOf = async (client: StreamsReader, pointer: BatchPointer): Promise<Start> => {
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

/** Records from an iterator up to the pointer's end. */
const recordsFrom = async (
  client: StreamsReader,
  { iterator, isTrimmed: mayBeEmpty }: Start,
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

/** A reader that uses the SDK's clients, which are loaded at their first use. */
export const onFailureDestinationReader = ({
  streams,
  s3,
}: OnFailureDestinationReaderOptions = {}): OnFailureDestinationReader => {
  const streamsClient = lazyClient<StreamsReader>(streams, loadStreams);
  const s3Client = lazyClient<S3Client>(s3, () => loadS3("reading Lambda's on-failure destination"));
  return {
    readStream: async (pointer, signal) => {
      const client = await streamsClient.get();
      try {
        const start = await startOf(client, pointer);
        const records = await recordsFrom(client, start, pointer, signal);
        return { records, lost: Math.max(start.isTrimmed ? 1 : 0, pointer.batchSize - records.length) };
      } catch (error) {
        if (isTrimmed(error)) return { records: [], lost: pointer.batchSize };
        const failure = awsRequestError("stream", streamsService, error);
        // The shard, or the whole stream, no longer exists.
        if (failure.code === "SINK_GONE") return { records: [], lost: pointer.batchSize };
        throw failure;
      }
    },
    readObject: async ({ bucket, key }) =>
      Buffer.from(await readObject(await s3Client.get(), { Bucket: bucket, Key: key })).toString(),
  };
};

/** Explains which records the stream no longer has, for people. */
export const lostText = (pointer: BatchPointer, lost: number): string => {
  const { approximateArrivalOfFirstRecord: from = "?", approximateArrivalOfLastRecord: to = "?" } = pointer;
  return (
    `${lost} of ${pointer.batchSize} records are no longer in the stream: sequence numbers ${pointer.startSequenceNumber} ` +
    `to ${pointer.endSequenceNumber} of ${pointer.shardId}, which arrived from ${from} to ${to}; ` +
    "backfill the items that changed in that time"
  );
};

/** The error for records that the stream no longer has. */
export const lostError = (pointer: BatchPointer, lost: number): RecordError =>
  new RecordError("RECORD_LOST", lostText(pointer, lost));

/** Address of an object, as the AWS CLI writes it. */
export const objectUrl = ({ bucket, key }: ObjectAddress): string => `s3://${bucket}/${key}`;

/** The error for an object that no longer exists. A redrive of the bucket deletes what it has delivered. */
export const lostObjectError = (address: ObjectAddress): RecordError =>
  new RecordError(
    "RECORD_LOST",
    `the object ${objectUrl(address)} is gone, with a batch that Lambda gave up on; unless it was redriven, ` +
      "backfill the items that changed before it was written",
  );

const textMembers = ["shardId", "streamArn"] as const;
const numberMembers = ["startSequenceNumber", "endSequenceNumber"] as const;

const isDigits = (value: unknown): boolean => typeof value === "string" && /^\d+$/.test(value);

/** The pointer in Lambda's invocation record; undefined if it has none. */
export const pointerIn = (value: unknown): BatchPointer | undefined => {
  const info = (value as { readonly DDBStreamBatchInfo?: Partial<BatchPointer> } | null)?.DDBStreamBatchInfo;
  if (typeof info !== "object" || info === null) return undefined;
  if (!textMembers.every((member) => typeof info[member] === "string")) return undefined;
  if (!numberMembers.every((member) => isDigits(info[member]))) return undefined;
  return { batchSize: 0, ...info } as BatchPointer;
};

/** The value of a JSON text; undefined if the text is cut off, or not JSON. */
const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * The stream records in an invocation record that holds the whole event, as text or as an object. Undefined also for a
 * text that is cut off: the pointer beside it still leads to the stream.
 */
export const payloadIn = (value: unknown): readonly StreamRecord[] | undefined => {
  const { payload } = (value ?? {}) as { readonly payload?: unknown };
  const event = typeof payload === "string" ? jsonIn(payload) : payload;
  const records = (event as { readonly Records?: unknown } | null | undefined)?.Records;
  return Array.isArray(records) ? (records as StreamRecord[]) : undefined;
};

/** The key in an S3 notification, which is encoded like form data; undefined if it is not. */
const decodedKey = (key: unknown): string | undefined => {
  try {
    return typeof key === "string" ? decodeURIComponent(key.replaceAll("+", " ")) : undefined;
  } catch {
    return undefined;
  }
};

/** The objects in an S3 event notification; undefined for other values. S3's test message has no object. */
export const objectsIn = (value: unknown): readonly ObjectAddress[] | undefined => {
  const { Records, Event } = (value ?? {}) as { readonly Records?: unknown; readonly Event?: unknown };
  if (Event === "s3:TestEvent") return [];
  if (!Array.isArray(Records) || Records.length === 0) return undefined;
  const addresses = Records.map((record) => {
    const { bucket, object } =
      (record as { s3?: { bucket?: { name?: unknown }; object?: { key?: unknown } } } | null)?.s3 ?? {};
    const key = decodedKey(object?.key);
    return typeof bucket?.name === "string" && key !== undefined ? { bucket: bucket.name, key } : undefined;
  });
  return addresses.every((address) => address !== undefined) ? addresses : undefined;
};
