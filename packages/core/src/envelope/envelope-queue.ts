// A queue of envelopes on SQS, for dead letters and for retries. Each envelope is one message. If an envelope could not
// be stored, no later envelope of its group is sent.

import { eachBounded } from "../async/bounded.ts";
import { ConfigError } from "../errors.ts";
import { groupBy } from "../sink/chunk.ts";
import { fifoId } from "../sink/fifo.ts";
import { type Destroyable, lazyClient, missingDependency, verifiedTls } from "../sink/lazy-client.ts";
import { type Envelope, maxMessageBytes } from "./envelope.ts";
import { type EnvelopeMessage, type SizedMessage, sizedMessage } from "./envelope-message.ts";
import type { PayloadStore } from "./payload-store.ts";
import {
  changeVisibility,
  deleteMessages,
  inBatchesOfTen,
  type Receipt,
  requestsAtOnce,
  type SqsEntry,
  type SqsQueueClient,
  type SqsSender,
  throwFirst,
} from "./sqs-client.ts";
import type { StoreResult } from "./store-result.ts";

/** A queue of envelopes. */
export interface EnvelopeQueue {
  readonly isFifo: boolean;
  /** Whether messages of an SQS event with this `eventSourceARN` come from this queue. */
  readonly isSource: (eventSourceArn: string | undefined) => boolean;
  readonly send: (messages: readonly EnvelopeMessage[], delaySeconds?: number) => Promise<StoreResult>;
  /** Rejects unless SQS deleted all messages. */
  readonly remove: (receiptHandles: readonly string[]) => Promise<void>;
  /** Hides messages for this number of seconds from now on. Rejects unless SQS hid all of them. */
  readonly postpone: <Message extends Receipt>(
    messages: readonly Message[],
    secondsOf: (message: Message) => number,
  ) => Promise<void>;
  /** Loads the clients of the queue and of its payload store, so that a missing package is found early. */
  readonly prepare: () => Promise<void>;
}

/** Options of a queue of envelopes. */
export interface EnvelopeQueueOptions {
  /** Name of the factory that the user called. Errors about options begin with this name. */
  readonly user: string;
  /** How error messages name what the queue stores, for example `dead letter`. */
  readonly name: string;
  readonly queueUrl: string;
  readonly client: SqsSender | undefined;
  readonly payloadStore: PayloadStore | undefined;
}

/** Returns account and name from an address: a URL ends in `<account>/<name>`, an ARN in `<account>:<name>`. */
const placeOf = (address: string, separator: string): string => address.split(separator).slice(-2).join("/");

const loadClient = async (user: string): Promise<SqsSender & Destroyable> => {
  const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency(user, "@aws-sdk/client-sqs"));
  // By default the SDK calls the host in the queue's URL. If the user has set an endpoint, the SDK must call that one.
  const isEndpointGiven = Boolean(process.env.AWS_ENDPOINT_URL_SQS ?? process.env.AWS_ENDPOINT_URL);
  return new SQS({ useQueueUrlAsEndpoint: !isEndpointGiven, requestHandler: verifiedTls }) as SqsSender & Destroyable;
};

/** The result of sending the next message of each group. A message that is in neither list was refused. */
interface SentRound {
  readonly stored: readonly Envelope[];
  /** It is unknown whether the queue has these messages. */
  readonly unanswered: readonly Envelope[];
  readonly errors: readonly unknown[];
}

/** Sends the first message of each group, then the second, and so on. Ends a group if a message is not stored. */
const sendInOrder = async (
  messages: readonly EnvelopeMessage[],
  sendRound: (round: readonly EnvelopeMessage[]) => Promise<SentRound>,
): Promise<StoreResult> => {
  const stored = new Set<Envelope>();
  const unanswered = new Set<Envelope>();
  const errors: unknown[] = [];
  let groups = [...groupBy(messages, ({ group }) => group).values()];
  for (let index = 0; groups.length > 0; index += 1) {
    const sent = await sendRound(groups.map((group) => group[index] as EnvelopeMessage));
    for (const envelope of sent.stored) stored.add(envelope);
    for (const envelope of sent.unanswered) unanswered.add(envelope);
    errors.push(...sent.errors);
    groups = groups.filter(
      (group) => stored.has((group[index] as EnvelopeMessage).envelope) && index + 1 < group.length,
    );
  }
  const envelopes = messages.map(({ envelope }) => envelope);
  const refused = new Set(envelopes.filter((envelope) => !stored.has(envelope) && !unanswered.has(envelope)));
  return { stored, refused, errors };
};

/**
 * Repeats from the stream have equal ids, so that the queue discards them. A delivery that was received from a queue has
 * a new id: its own message may have the old id, and will be deleted.
 */
const deduplicationId = ({ id, receipt }: Envelope): string => fifoId(receipt === undefined ? id : `${id} ${receipt}`);

/** Sends messages of different groups, ten in each request. */
const roundsOf = ({ user, name, queueUrl, client, payloadStore }: EnvelopeQueueOptions, isFifo: boolean) => {
  const { get: connected } = lazyClient(client, () => loadClient(user));

  const entryOf = ({ entry, envelope, group }: SizedMessage, index: number, delaySeconds: number): SqsEntry => ({
    Id: String(index),
    ...entry,
    // FIFO queues refuse a delay for a single message.
    ...(isFifo && { MessageGroupId: fifoId(group), MessageDeduplicationId: deduplicationId(envelope) }),
    ...(!isFifo && delaySeconds > 0 && { DelaySeconds: delaySeconds }),
  });

  /** If the promise rejects, adds the error to `errors` and resolves with undefined. */
  const caught = <Value>(work: Promise<Value>, errors: unknown[]): Promise<Value | undefined> =>
    work.catch((error: unknown) => {
      errors.push(error);
      return undefined;
    });

  const sendRound = async (round: readonly EnvelopeMessage[], delaySeconds: number): Promise<SentRound> => {
    const errors: unknown[] = [];
    const client = await caught(connected(), errors);
    if (client === undefined) return { stored: [], unanswered: [], errors };
    const sized = await eachBounded(round, requestsAtOnce, (message) =>
      caught(sizedMessage(name, message, payloadStore), errors),
    );
    const ready = sized.filter((message) => message !== undefined);
    const result = await inBatchesOfTen(ready, {
      name,
      maxBytes: maxMessageBytes,
      sizeOf: ({ bytes }) => bytes,
      request: async (messages) => {
        const Entries = messages.map((message, index) => entryOf(message, index, delaySeconds));
        return client.sendMessageBatch({ QueueUrl: queueUrl, Entries });
      },
    });
    errors.push(...result.errors);
    // The record of an unanswered message must stay, because the message may arrive.
    for (const { url } of result.refused) {
      if (url !== undefined) await caught(payloadStore?.remove(url) as Promise<void>, errors);
    }
    const envelopesOf = (messages: readonly SizedMessage[]): Envelope[] => messages.map(({ envelope }) => envelope);
    return { stored: envelopesOf(result.successful), unanswered: envelopesOf(result.unanswered), errors };
  };
  return { connected, sendRound };
};

/** Creates a queue of envelopes on SQS. Makes no request. @throws {ConfigError} CONFIG_INVALID for a wrong `queueUrl`. */
export const envelopeQueue = (options: EnvelopeQueueOptions): EnvelopeQueue => {
  const { user, name, queueUrl, payloadStore } = options;
  if (!URL.canParse(queueUrl)) {
    const found = queueUrl === undefined ? "missing" : "not a URL";
    throw new ConfigError("CONFIG_INVALID", `${user}: queueUrl must be the URL of a queue; it is ${found}`);
  }
  const isFifo = queueUrl.endsWith(".fifo");
  const { connected, sendRound } = roundsOf(options, isFifo);
  const consumer = async (): Promise<SqsQueueClient> => {
    const candidate = (await connected()) as Partial<SqsQueueClient>;
    if (candidate.deleteMessageBatch && candidate.changeMessageVisibilityBatch) return candidate as SqsQueueClient;
    const found = `${user}: client has no deleteMessageBatch or no changeMessageVisibilityBatch`;
    throw new ConfigError("CONFIG_INVALID", `${found}; expected an SQS client of @aws-sdk/client-sqs`);
  };
  const place = placeOf(queueUrl, "/");
  return {
    isFifo,
    isSource: (eventSourceArn) => eventSourceArn !== undefined && placeOf(eventSourceArn, ":") === place,
    send: (messages, delaySeconds = 0) => sendInOrder(messages, (round) => sendRound(round, delaySeconds)),
    remove: async (receiptHandles) => {
      const receipts = receiptHandles.map((receiptHandle) => ({ receiptHandle }));
      throwFirst(await deleteMessages({ name, queueUrl, client: await consumer() }, receipts));
    },
    postpone: async (messages, secondsOf) => {
      throwFirst(await changeVisibility({ name, queueUrl, client: await consumer() }, messages, secondsOf));
    },
    prepare: async () => {
      await connected();
      await payloadStore?.prepare?.();
    },
  };
};
