// The dead-letter queue. A received message is deleted, released, or left hidden until its visibility timeout ends.

import {
  type BatchResult,
  changeVisibility,
  deleteMessages,
  depthAttributes,
  maxBatchEntries,
  type QueueDepth,
  queueDepth,
  type Receipt,
  type ReceivingQueue,
  type SqsCalls,
  type SqsReceivedMessage,
} from "@sluice/core/envelope";
import {
  type AwsService,
  checkClient,
  lazyClient,
  missingDependency,
  type PipelineLogger,
  verifiedTls,
} from "@sluice/core/sink-kit";
import { requiredUrl, user } from "./environment.ts";
import { interruption } from "./errors.ts";

/** The methods of the SDK's client `SQS` that a redrive calls. You may pass your own client of that class. */
export type RedriveQueueClient = Omit<SqsCalls, "sendMessageBatch">;

/** Options of functions that use the queue. If an option names a variable, you can set the variable instead. */
export interface QueueOptions {
  /** URL of the dead-letter queue. Variable: `SLUICE_DEAD_LETTER_QUEUE_URL`. */
  readonly queueUrl?: string;
  /** Default: a logger that writes lines of JSON to the console. */
  readonly logger?: PipelineLogger;
  readonly clients?: { readonly sqs?: RedriveQueueClient };
}

/** A message that was received. */
export interface QueueMessage extends Receipt {
  readonly id: string;
  readonly body: string;
  /** Time when the message was sent to the queue, in milliseconds since the epoch. */
  readonly sentAt: number;
  readonly receiveCount: string;
}

/** How many messages to receive, how long to hide the messages, and how long to wait for the first message. */
export interface ReceiveRequest {
  readonly maxMessages: number;
  /** Seconds during which no other consumer receives the messages. */
  readonly visibilityTimeout: number;
  /** Seconds to wait for the first message, at most 20. */
  readonly waitSeconds: number;
}

/** The dead-letter queue. */
export interface RedriveQueue {
  /** Receives messages. Returns fewer messages than requested if no more are available. */
  readonly receive: (request: ReceiveRequest) => Promise<readonly QueueMessage[]>;
  /** Deletes messages. Does not reject. */
  readonly remove: (messages: readonly QueueMessage[]) => Promise<BatchResult<QueueMessage>>;
  /** Makes messages visible at once. Does not reject: a message that SQS refuses becomes visible after its timeout. */
  readonly release: (messages: readonly QueueMessage[]) => Promise<BatchResult<QueueMessage>>;
  readonly depth: () => Promise<QueueDepth>;
}

/** A receive stops when it has this number of bytes or slightly more, so that the function needs little memory. */
const maxReceivedBytes = 5_000_000;

const sqs: AwsService = {
  name: "SQS",
  codes: { QueueDoesNotExist: "SINK_MISSING", NonExistentQueue: "SINK_MISSING", OverLimit: "SINK_THROTTLED" },
};

const messageOf = ({ MessageId, Body, ReceiptHandle, Attributes }: SqsReceivedMessage): QueueMessage => ({
  id: MessageId ?? "",
  body: Body ?? "",
  receiptHandle: ReceiptHandle ?? "",
  sentAt: Number(Attributes?.SentTimestamp ?? 0),
  receiveCount: Attributes?.ApproximateReceiveCount ?? "1",
});

const bytesOf = (messages: readonly QueueMessage[]): number => messages.reduce((sum, { body }) => sum + body.length, 0);

/** Returns the queue's URL. @throws {ConfigError} CONFIG_INVALID when the URL is missing or invalid. */
const queueUrlOf = ({ queueUrl }: Pick<QueueOptions, "queueUrl">): string =>
  requiredUrl("queueUrl", queueUrl, "SLUICE_DEAD_LETTER_QUEUE_URL");

/** Returns the name of the queue: the last part of its URL. */
export const queueName = (options: Pick<QueueOptions, "queueUrl">): string =>
  queueUrlOf(options).split("/").at(-1) ?? "";

type QueueConnection = ReceivingQueue<keyof RedriveQueueClient>;

const receiveTen = async ({ client, queueUrl }: QueueConnection, request: ReceiveRequest): Promise<QueueMessage[]> => {
  const { Messages = [] } = await client.receiveMessage({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: Math.min(maxBatchEntries, request.maxMessages),
    VisibilityTimeout: request.visibilityTimeout,
    WaitTimeSeconds: request.waitSeconds,
    MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
  });
  return Messages.map(messageOf);
};

const receive = async (queue: QueueConnection, request: ReceiveRequest): Promise<readonly QueueMessage[]> => {
  const received = await receiveTen(queue, request).catch((error: unknown) => {
    throw interruption(sqs, error);
  });
  let last: readonly QueueMessage[] = received;
  while (last.length > 0 && received.length < request.maxMessages && bytesOf(received) < maxReceivedBytes) {
    const rest = { ...request, maxMessages: request.maxMessages - received.length, waitSeconds: 0 };
    // The error is ignored, so that the messages received so far are returned. The next call will show a lasting error.
    last = await receiveTen(queue, rest).catch(() => []);
    received.push(...last);
  }
  return received;
};

/** Opens the queue. Makes no request. @throws {ConfigError} CONFIG_INVALID when the URL or the client is wrong. */
export const openQueue = (options: QueueOptions): RedriveQueue => {
  const queueUrl = queueUrlOf(options);
  const given = options.clients?.sqs;
  checkClient(given, "receiveMessage", "an SQS client of @aws-sdk/client-sqs");
  const connection = lazyClient<RedriveQueueClient>(given, async () => {
    const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency(user, "@aws-sdk/client-sqs"));
    return new SQS({ requestHandler: verifiedTls });
  });
  const open = async (): Promise<QueueConnection> => ({ client: await connection.get(), queueUrl, name: "queue" });
  return {
    receive: async (request) => receive(await open(), request),
    remove: async (messages) => deleteMessages(await open(), messages),
    release: async (messages) => changeVisibility(await open(), messages, () => 0),
    depth: async () => {
      const { client } = await open();
      const request = { QueueUrl: queueUrl, AttributeNames: [...depthAttributes] };
      return queueDepth((await client.getQueueAttributes(request)).Attributes);
    },
  };
};
