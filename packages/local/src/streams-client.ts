// A client of DynamoDB Streams. Responses have the format of Lambda's events (binary as base64, numbers as text), so
// the client needs no conversion and is three times as fast as the SDK's. For local endpoints only, because it does not
// sign requests. For AWS, wrap an SDK client in a `StreamsClient`.

import { setTimeout as sleep } from "node:timers/promises";
import type { StreamsApiRecord } from "@sluice/core/envelope";
import { SluiceError } from "@sluice/core/sink-kit";

/** A shard as DescribeStream lists it. */
export interface StreamShard {
  readonly ShardId?: string;
  readonly ParentShardId?: string;
  /** A closed shard has an `EndingSequenceNumber`. */
  readonly SequenceNumberRange?: { readonly StartingSequenceNumber?: string; readonly EndingSequenceNumber?: string };
}

/** Where an iterator begins. These are the values of GetShardIterator. */
export type ShardIteratorType = "TRIM_HORIZON" | "LATEST" | "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER";

/**
 * The three operations that read a stream. As in the SDK, the `name` of an error is the name of the service's
 * exception: ExpiredIteratorException, TrimmedDataAccessException, ResourceNotFoundException.
 */
export interface StreamsClient {
  readonly describeStream: (input: { readonly StreamArn: string; readonly ExclusiveStartShardId?: string }) => Promise<{
    readonly StreamDescription?: { readonly Shards?: readonly StreamShard[]; readonly LastEvaluatedShardId?: string };
  }>;
  readonly getShardIterator: (input: {
    readonly StreamArn: string;
    readonly ShardId: string;
    readonly ShardIteratorType: ShardIteratorType;
    readonly SequenceNumber?: string;
  }) => Promise<{ readonly ShardIterator?: string }>;
  readonly getRecords: (input: { readonly ShardIterator: string; readonly Limit?: number }) => Promise<{
    readonly Records?: readonly StreamsApiRecord[];
    /** Absent after the last record of a closed shard. */
    readonly NextShardIterator?: string;
  }>;
}

/** A failed call. `name` is the name of the service's exception, such as ExpiredIteratorException. */
export class StreamsError extends SluiceError<"STREAMS_FAILED"> {
  constructor(name: string, message: string, options?: ErrorOptions) {
    super("STREAMS_FAILED", message, options);
    this.name = name;
  }
}

const maxAttempts = 4;
const timeoutMs = 30_000;

const headersOf = (operation: string): Record<string, string> => ({
  "content-type": "application/x-amz-json-1.0",
  "x-amz-target": `DynamoDBStreams_20120810.${operation}`,
  // DynamoDB Local requires a signature, but does not check it.
  authorization:
    "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local",
});

const failureOf = (operation: string, status: number, text: string): StreamsError => {
  const [, name = `Http${status}`] = /"__type"\s*:\s*"(?:[^"]*#)?(\w+)"/.exec(text) ?? [];
  const [, reason = "no message"] = /"message"\s*:\s*"([^"]*)"/i.exec(text) ?? [];
  return new StreamsError(name, `${operation} answered ${status} ${name}: ${reason}`);
};

const isRetryable = (error: unknown): boolean =>
  !(error instanceof StreamsError) || /^Http5|Throttling|LimitExceeded|InternalServer/.test(error.name);

const post = async (endpoint: string, operation: string, body: string): Promise<unknown> => {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: headersOf(operation),
    body,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  if (!response.ok) throw failureOf(operation, response.status, text);
  return JSON.parse(text);
};

/** Retries, because DynamoDB Local closes idle sockets early. A retry is safe, because the operations only read. */
const call = async (endpoint: string, operation: string, input: object): Promise<unknown> => {
  const body = JSON.stringify(input);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(endpoint, operation, body);
    } catch (error) {
      if (attempt === maxAttempts || !isRetryable(error)) throw error;
      await sleep(25 * attempt);
    }
  }
};

/**
 * Creates a Streams client for a local endpoint.
 * @example
 * const client = streamsClient(dynamodb.endpoint);
 */
export const streamsClient = (endpoint: string): StreamsClient => {
  const operation =
    <Input extends object, Output>(name: string) =>
    async (input: Input): Promise<Output> =>
      (await call(endpoint, name, input)) as Output;
  return {
    describeStream: operation("DescribeStream"),
    getShardIterator: operation("GetShardIterator"),
    getRecords: operation("GetRecords"),
  };
};
