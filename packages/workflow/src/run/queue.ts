// The dead-letter queue as a redrive sees it: messages are taken for a time, and then deleted, given back, or left.

import {
  type AwsService,
  answersById,
  checkClient,
  chunk,
  eachBounded,
  type IdAnswer,
  lazyClient,
  missingDependency,
  withIds,
} from "@sluice/core/sink-kit";
import { interruption } from "./errors.ts";

const depthNames = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
] as const;

interface Entry {
  Id: string;
  ReceiptHandle: string;
}

/**
 * The calls of `SQS` from `@aws-sdk/client-sqs` that a redrive makes; your own client fits.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
 */
export interface QueueClient {
  readonly receiveMessage: (input: {
    QueueUrl: string;
    MaxNumberOfMessages: number;
    VisibilityTimeout: number;
    WaitTimeSeconds: number;
    MessageSystemAttributeNames: ("SentTimestamp" | "ApproximateReceiveCount")[];
  }) => Promise<{
    readonly Messages?:
      | readonly {
          readonly MessageId?: string | undefined;
          readonly Body?: string | undefined;
          readonly ReceiptHandle?: string | undefined;
          readonly Attributes?: Readonly<Record<string, string>> | undefined;
        }[]
      | undefined;
  }>;
  readonly deleteMessageBatch: (input: { QueueUrl: string; Entries: Entry[] }) => Promise<IdAnswer>;
  readonly changeMessageVisibilityBatch: (input: {
    QueueUrl: string;
    Entries: (Entry & { VisibilityTimeout: number })[];
  }) => Promise<IdAnswer>;
  readonly getQueueAttributes: (input: {
    QueueUrl: string;
    AttributeNames: (typeof depthNames)[number][];
  }) => Promise<{ readonly Attributes?: Readonly<Record<string, string>> | undefined }>;
}

/** A message that was received. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  readonly receiptHandle: string;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly receiveCount: string;
}

/** How many messages are in the queue, as SQS guesses. */
export interface Depth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** How much to receive, and for how long nobody else shall. */
export interface Wanted {
  readonly count: number;
  readonly hideSeconds: number;
  /** Up to 20, for the first message to come. */
  readonly waitSeconds: number;
}

/** What became of a request about messages. */
export interface Done {
  readonly ids: ReadonlySet<string>;
  /** Why others are not among them, for the log. */
  readonly errors: readonly unknown[];
}

/** The dead-letter queue. */
export interface Queue {
  /** Fewer than wanted when there are no more at hand. */
  readonly receive: (wanted: Wanted) => Promise<readonly QueueMessage[]>;
  /** Deletes messages. */
  readonly remove: (messages: readonly QueueMessage[]) => Promise<Done>;
  /** Gives messages back at once; those that SQS does not take come back when their time is over. */
  readonly release: (messages: readonly QueueMessage[]) => Promise<Done>;
  readonly depth: () => Promise<Depth>;
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html (read 2026-11-25) */
const maxPerRequest = 10;

/** A receive stops at this, so that a batch fits into a small function: ten messages more may come with the last request. */
const maxHeldBytes = 5_000_000;

const requestsAtOnce = 8;

const sqs: AwsService = {
  name: "SQS",
  codes: { QueueDoesNotExist: "SINK_MISSING", NonExistentQueue: "SINK_MISSING", OverLimit: "SINK_THROTTLED" },
};

const loadSqs = async (): Promise<QueueClient & { readonly destroy: () => void }> => {
  const { SQS } = await import("@aws-sdk/client-sqs").catch(
    missingDependency("the redrive workflow", "@aws-sdk/client-sqs"),
  );
  return new SQS({});
};

type Received = NonNullable<Awaited<ReturnType<QueueClient["receiveMessage"]>>["Messages"]>[number];

const messageOf = ({ MessageId = "", Body = "", ReceiptHandle = "", Attributes = {} }: Received): QueueMessage => ({
  id: MessageId,
  body: Body,
  receiptHandle: ReceiptHandle,
  sentAt: Number(Attributes.SentTimestamp ?? 0),
  receiveCount: Attributes.ApproximateReceiveCount ?? "1",
});

const inTens = (messages: readonly QueueMessage[]): QueueMessage[][] =>
  chunk(messages, { maxEntries: maxPerRequest, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 });

const bytesOf = (messages: readonly QueueMessage[]): number => messages.reduce((sum, { body }) => sum + body.length, 0);

const handles = (messages: readonly QueueMessage[]) =>
  messages.map(({ receiptHandle }) => ({ ReceiptHandle: receiptHandle }));

/** What an answer says of the messages of its request. */
const doneIn = (messages: readonly QueueMessage[], answer: IdAnswer): Done => {
  const answers = answersById("queue", sqs, answer);
  const ids = messages.filter((_, index) => answers[index] === "taken").map(({ id }) => id);
  return { ids: new Set(ids), errors: answers.filter((one) => one !== "taken") };
};

/** The name of a queue, the last part of its URL. */
export const queueName = (queueUrl: string): string => queueUrl.split("/").at(-1) ?? queueUrl;

interface Place {
  readonly client: QueueClient;
  readonly QueueUrl: string;
}

const receiveTen = async ({ client, QueueUrl }: Place, wanted: Wanted): Promise<QueueMessage[]> => {
  const { Messages = [] } = await client.receiveMessage({
    QueueUrl,
    MaxNumberOfMessages: Math.min(maxPerRequest, wanted.count),
    VisibilityTimeout: wanted.hideSeconds,
    WaitTimeSeconds: wanted.waitSeconds,
    MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
  });
  return Messages.map(messageOf);
};

/** What is held already shall not be lost with a request for more that fails: the next receive meets the same error. */
const receiveMore = async (place: Place, wanted: Wanted, held: QueueMessage[]): Promise<void> => {
  let bytes = bytesOf(held);
  while (held.length < wanted.count && bytes < maxHeldBytes) {
    const rest = { ...wanted, count: wanted.count - held.length, waitSeconds: 0 };
    const messages = await receiveTen(place, rest).catch(() => []);
    if (messages.length === 0) return;
    held.push(...messages);
    bytes += bytesOf(messages);
  }
};

const receive = async (place: Place, wanted: Wanted): Promise<readonly QueueMessage[]> => {
  try {
    const held = await receiveTen(place, wanted);
    if (held.length > 0) await receiveMore(place, wanted, held);
    return held;
  } catch (error) {
    throw interruption(sqs, error);
  }
};

/** Asks for messages in requests of ten. Does not reject. */
const inRequests = async (
  messages: readonly QueueMessage[],
  ask: (Entries: Entry[]) => Promise<IdAnswer>,
): Promise<Done> => {
  const done = await eachBounded(inTens(messages), requestsAtOnce, (part) =>
    ask(withIds(handles(part))).then(
      (answer) => doneIn(part, answer),
      (error: unknown) => ({ ids: [], errors: [error] }),
    ),
  );
  return { ids: new Set(done.flatMap(({ ids }) => [...ids])), errors: done.flatMap(({ errors }) => errors) };
};

const depthOf = async ({ client, QueueUrl }: Place): Promise<Depth> => {
  const { Attributes = {} } = await client.getQueueAttributes({ QueueUrl, AttributeNames: [...depthNames] });
  const [visible, inFlight, delayed] = depthNames.map((name) => Number(Attributes[name] ?? 0));
  return { visible: visible ?? 0, inFlight: inFlight ?? 0, delayed: delayed ?? 0 };
};

/** The queue behind a URL. Does no I/O. @throws {ConfigError} CONFIG_INVALID for a client that is none. */
export const openQueue = (QueueUrl: string, given: QueueClient | undefined): Queue => {
  checkClient(given, "receiveMessage", "an SQS client of @aws-sdk/client-sqs");
  const connection = lazyClient<QueueClient>(given, loadSqs);
  const place = async (): Promise<Place> => ({ client: await connection.get(), QueueUrl });
  return {
    receive: async (wanted) => receive(await place(), wanted),
    remove: async (messages) => {
      const { client } = await place();
      return inRequests(messages, (Entries) => client.deleteMessageBatch({ QueueUrl, Entries }));
    },
    release: async (messages) => {
      const { client } = await place();
      return inRequests(messages, (entries) => {
        const Entries = entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
        return client.changeMessageVisibilityBatch({ QueueUrl, Entries });
      });
    },
    depth: async () => depthOf(await place()),
  };
};
