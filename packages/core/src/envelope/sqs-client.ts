// SQS for all packages: the calls of its client, and batch requests of ten entries.

import { eachBounded } from "../async/bounded.ts";
import { SinkError } from "../errors.ts";
import { type IdAnswer, withIds } from "../sink/batch-request.ts";
import { type ChunkLimits, chunk } from "../sink/chunk.ts";

/** An attribute of a message. */
export interface SqsAttribute {
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
  readonly DataType: string | undefined;
}

/** A message as `ReceiveMessage` returns it. */
export interface SqsReceivedMessage {
  readonly MessageId?: string | undefined;
  readonly ReceiptHandle?: string | undefined;
  readonly Body?: string | undefined;
  readonly MD5OfBody?: string | undefined;
  readonly MD5OfMessageAttributes?: string | undefined;
  readonly Attributes?: Readonly<Record<string, string>> | undefined;
  readonly MessageAttributes?: Readonly<Record<string, SqsAttribute>> | undefined;
}

/** An entry of `SendMessageBatch`. */
export interface SqsEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageAttributes: Record<string, { DataType: "String"; StringValue: string }>;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
  readonly DelaySeconds?: number;
}

interface ReceivedEntry {
  Id: string;
  ReceiptHandle: string;
}

/**
 * The calls of `SQS` from `@aws-sdk/client-sqs` that Sluice makes; your own client fits. A function that needs only
 * some calls takes a `Pick` of this interface.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
 */
export interface SqsCalls {
  readonly sendMessageBatch: (input: { QueueUrl: string; Entries: SqsEntry[] }) => Promise<IdAnswer>;
  readonly receiveMessage: (input: {
    QueueUrl: string;
    MaxNumberOfMessages: number;
    VisibilityTimeout?: number;
    WaitTimeSeconds?: number;
    MessageAttributeNames?: string[];
    MessageSystemAttributeNames?: ("All" | "SentTimestamp" | "ApproximateReceiveCount")[];
  }) => Promise<{ readonly Messages?: readonly SqsReceivedMessage[] | undefined }>;
  readonly deleteMessageBatch: (input: { QueueUrl: string; Entries: ReceivedEntry[] }) => Promise<IdAnswer>;
  readonly changeMessageVisibilityBatch: (input: {
    QueueUrl: string;
    Entries: (ReceivedEntry & { VisibilityTimeout: number })[];
  }) => Promise<IdAnswer>;
  readonly getQueueAttributes: (input: {
    QueueUrl: string;
    AttributeNames: ("All" | "QueueArn" | "VisibilityTimeout" | (typeof depthAttributes)[number])[];
  }) => Promise<{ readonly Attributes?: Readonly<Partial<Record<string, string>>> | undefined }>;
}

/** The call that an envelope queue needs to store envelopes. */
export type SqsSender = Pick<SqsCalls, "sendMessageBatch">;

/** The calls that an envelope queue needs if its messages are also consumed. */
export type SqsQueueClient = Pick<SqsCalls, "sendMessageBatch" | "deleteMessageBatch" | "changeMessageVisibilityBatch">;

/** Names of the attributes that `queueDepth` reads. */
export const depthAttributes = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
] as const;

/** Approximate numbers of messages in a queue. */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** Reads a queue's depth from its attributes. */
export const queueDepth = (attributes: Readonly<Partial<Record<string, string>>> = {}): QueueDepth => {
  const [visible = 0, inFlight = 0, delayed = 0] = depthAttributes.map((name) => Number(attributes[name] ?? 0));
  return { visible, inFlight, delayed };
};

/** Maximum number of messages in one receive, and of entries in one batch request. */
export const maxBatchEntries = 10;

/** Number of batch requests that run at the same time. With 8 of them, about 80 messages are sent in 20 ms. */
export const requestsAtOnce = 8;

/** Results of batch requests. Each list contains the values that had this result. */
export interface BatchResult<Value> {
  readonly successful: readonly Value[];
  /** SQS answered that it did not process these values, or did not list them among its successful entries. */
  readonly refused: readonly Value[];
  /** The request had no answer, so it is unknown whether SQS processed these values. */
  readonly unanswered: readonly Value[];
  /** One error for each refused value, and one for each failed request. */
  readonly errors: readonly unknown[];
}

/** The limits of batch requests. `maxBytes` applies if the values have a size. */
interface BatchRequestOptions<Value> extends Partial<Omit<ChunkLimits<Value>, "maxEntries">> {
  /** How error messages name the destination, for example `retry queue`. */
  readonly name: string;
  readonly request: (values: readonly Value[]) => Promise<IdAnswer>;
}

const refusal = (name: string, code: string | undefined): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[${name}] SQS returned ${code ?? "no result"} for a message; expected success`);

/** Whether SQS has refused a whole request: the error is an answer with a status of 4xx, except a timeout. */
const isRefusal = (error: unknown): boolean => {
  const { httpStatusCode: status = 0 } =
    (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | null)?.$metadata ?? {};
  return status >= 400 && status < 500 && status !== 408;
};

/** Makes one batch request for every ten values. Does not reject. An entry's id is its index in its request. */
export const inBatchesOfTen = async <Value>(
  values: readonly Value[],
  { name, request, maxBytes = Number.POSITIVE_INFINITY, sizeOf = () => 0 }: BatchRequestOptions<Value>,
): Promise<BatchResult<Value>> => {
  const result = {
    successful: [] as Value[],
    refused: [] as Value[],
    unanswered: [] as Value[],
    errors: [] as unknown[],
  };
  const batches = chunk(values, { maxEntries: maxBatchEntries, maxBytes, sizeOf });
  await eachBounded(batches, requestsAtOnce, async (batch) => {
    try {
      const { Successful = [], Failed = [] } = await request(batch);
      const successful = new Set(Successful.map(({ Id }) => Number(Id)));
      const codes = new Map(Failed.map(({ Id, Code }) => [Number(Id), Code]));
      const unnamed = Failed.find(({ Id }) => Id === undefined)?.Code;
      for (const [index, value] of batch.entries()) {
        result[successful.has(index) ? "successful" : "refused"].push(value);
        if (!successful.has(index)) result.errors.push(refusal(name, codes.get(index) ?? unnamed));
      }
    } catch (error) {
      result.errors.push(error);
      result[isRefusal(error) ? "refused" : "unanswered"].push(...batch);
    }
  });
  return result;
};

/** Throws the first error of the batch requests, if there is one. */
export const throwFirst = ({ errors }: BatchResult<unknown>): void => {
  if (errors.length > 0) throw errors[0];
};

/** A message that was received. */
export interface Receipt {
  readonly receiptHandle: string;
}

/** A queue whose received messages are deleted, hidden or released. */
export interface ReceivingQueue<Calls extends keyof SqsCalls> {
  readonly name: string;
  readonly queueUrl: string;
  readonly client: Pick<SqsCalls, Calls>;
}

const handles = (messages: readonly Receipt[]): ReceivedEntry[] =>
  withIds(messages.map(({ receiptHandle }) => ({ ReceiptHandle: receiptHandle })));

/** Deletes messages. Does not reject. */
export const deleteMessages = <Message extends Receipt>(
  { name, queueUrl: QueueUrl, client }: ReceivingQueue<"deleteMessageBatch">,
  messages: readonly Message[],
): Promise<BatchResult<Message>> =>
  inBatchesOfTen(messages, {
    name,
    request: (batch) => client.deleteMessageBatch({ QueueUrl, Entries: handles(batch) }),
  });

/** Hides messages for this number of seconds from now on; 0 releases them to other consumers. Does not reject. */
export const changeVisibility = <Message extends Receipt>(
  { name, queueUrl: QueueUrl, client }: ReceivingQueue<"changeMessageVisibilityBatch">,
  messages: readonly Message[],
  secondsOf: (message: Message) => number,
): Promise<BatchResult<Message>> =>
  inBatchesOfTen(messages, {
    name,
    request: (batch) => {
      const seconds = batch.map(secondsOf);
      const Entries = handles(batch).map((entry, index) => ({ ...entry, VisibilityTimeout: seconds[index] ?? 0 }));
      return client.changeMessageVisibilityBatch({ QueueUrl, Entries });
    },
  });
