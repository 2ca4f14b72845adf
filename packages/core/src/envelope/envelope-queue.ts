// Envelopes on an SQS queue: one message for each, batched to what a request may hold; of a group none is sent after one
// that was not stored. Dead letters and retries are both kept so.

import { eachBounded } from "../async/bounded.ts";
import { ConfigError, SinkError } from "../errors.ts";
import { chunk } from "../sink/chunk.ts";
import { fifoId } from "../sink/fifo.ts";
import { missingDependency } from "../sink/lazy-client.ts";
import { type Envelope, maxMessageBytes } from "./envelope.ts";
import { type EnvelopeMessage, type SizedMessage, type SqsEntry, sizedMessage } from "./envelope-message.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { EnvelopeReceipt } from "./receipt.ts";

/** @see {@link maxMessageBytes} */
const maxEntries = 10;

const requestsAtOnce = 8;

interface SqsAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly { readonly Id?: string | undefined; readonly Code?: string | undefined }[] | undefined;
}

/**
 * The one call of `SQS` from `@aws-sdk/client-sqs` that storing needs; your own client fits.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export interface SqsSender {
  readonly sendMessageBatch: (input: { QueueUrl: string; Entries: SqsEntry[] }) => Promise<SqsAnswer>;
}

/** And those that consuming needs. */
export interface SqsQueueClient extends SqsSender {
  readonly deleteMessageBatch: (input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string }[];
  }) => Promise<SqsAnswer>;
  readonly changeMessageVisibilityBatch: (input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
  }) => Promise<SqsAnswer>;
}

/** A message that was received, to be hidden for so many seconds more. */
export interface Postponed {
  readonly receiptHandle: string;
  readonly delaySeconds: number;
}

/** A queue of envelopes. */
export interface EnvelopeQueue {
  readonly isFifo: boolean;
  /** Whether messages of an SQS event with this `eventSourceARN` come from the queue. */
  readonly isSource: (eventSourceArn: string | undefined) => boolean;
  readonly send: (messages: readonly EnvelopeMessage[], delaySeconds?: number) => Promise<EnvelopeReceipt>;
  /** Rejects unless all were. */
  readonly remove: (receiptHandles: readonly string[]) => Promise<void>;
  /** Rejects unless all were. */
  readonly postpone: (messages: readonly Postponed[]) => Promise<void>;
}

export interface EnvelopeQueueOptions {
  /** The factory that the user called, for errors. */
  readonly user: string;
  /** As errors name it: `dead letter`. */
  readonly name: string;
  readonly queueUrl: string;
  readonly client: SqsSender | undefined;
  readonly payloadStore: PayloadStore | undefined;
}

const refused = (name: string, { Code }: { readonly Code?: string | undefined }): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[${name}] SQS answered ${Code} for a message; expected it among Successful`);

/** `https://sqs.<region>.amazonaws.com/<account>/<name>` and `arn:aws:sqs:<region>:<account>:<name>` end alike. */
const placeOf = (address: string, separator: string): string => address.split(separator).slice(-2).join("/");

const loadClient = async (user: string): Promise<SqsSender> => {
  const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency(user, "@aws-sdk/client-sqs"));
  // The SDK would send to the host in the queue's URL: local engines name hosts there that do not resolve.
  const isEndpointGiven = Boolean(process.env.AWS_ENDPOINT_URL_SQS ?? process.env.AWS_ENDPOINT_URL);
  return new SQS({ useQueueUrlAsEndpoint: !isEndpointGiven }) as SqsSender;
};

const byGroup = (messages: readonly EnvelopeMessage[]): EnvelopeMessage[][] => {
  const groups = new Map<string, EnvelopeMessage[]>();
  for (const message of messages) {
    const group = groups.get(message.group);
    if (group === undefined) groups.set(message.group, [message]);
    else group.push(message);
  }
  return [...groups.values()];
};

/** Sends each group's first message, then each group's second, and so on; a group ends at the first that was not stored. */
const sendInOrder = async (
  messages: readonly EnvelopeMessage[],
  sendRound: (round: readonly EnvelopeMessage[]) => Promise<ReadonlySet<Envelope>>,
): Promise<Set<Envelope>> => {
  const stored = new Set<Envelope>();
  let groups = byGroup(messages);
  for (let index = 0; groups.length > 0; index += 1) {
    const taken = await sendRound(groups.map((group) => group[index] as EnvelopeMessage));
    for (const envelope of taken) stored.add(envelope);
    groups = groups.filter(
      (group) => taken.has((group[index] as EnvelopeMessage).envelope) && index + 1 < group.length,
    );
  }
  return stored;
};

/** Asks for messages in requests of ten. @throws {SinkError} when an answer names failures. */
const askInTens = async <Entry>(
  name: string,
  entries: readonly Entry[],
  ask: (entries: (Entry & { Id: string })[]) => Promise<SqsAnswer>,
): Promise<void> => {
  const requests = chunk(entries, { maxEntries, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 });
  await eachBounded(requests, requestsAtOnce, async (request) => {
    const { Failed = [] } = await ask(request.map((entry, index) => ({ ...entry, Id: String(index) })));
    if (Failed[0] !== undefined) throw refused(name, Failed[0]);
  });
};

/** Sends messages of different groups, ten a request. */
const roundsOf = ({ user, name, queueUrl, client, payloadStore }: EnvelopeQueueOptions, isFifo: boolean) => {
  let sender: Promise<SqsSender> | undefined;
  const connected = (): Promise<SqsSender> => {
    sender ??= client === undefined ? loadClient(user) : Promise.resolve(client);
    return sender;
  };

  const entryOf = ({ entry, envelope, group }: SizedMessage, index: number, delaySeconds: number): SqsEntry => ({
    Id: String(index),
    ...entry,
    // FIFO queues refuse a delay of a message.
    ...(isFifo && { MessageGroupId: fifoId(group), MessageDeduplicationId: fifoId(envelope.id) }),
    ...(!isFifo && delaySeconds > 0 && { DelaySeconds: delaySeconds }),
  });

  const request = async (messages: readonly SizedMessage[], delaySeconds: number, errors: unknown[]) => {
    const Entries = messages.map((message, index) => entryOf(message, index, delaySeconds));
    const answer = await (await connected()).sendMessageBatch({ QueueUrl: queueUrl, Entries });
    errors.push(...(answer.Failed ?? []).map((failure) => refused(name, failure)));
    return (answer.Successful ?? []).flatMap(({ Id }) => messages[Number(Id)]?.envelope ?? []);
  };

  /** Undefined, with the reason among the errors, where it rejects. */
  const kept = <Value>(work: Promise<Value>, errors: unknown[]): Promise<Value | undefined> =>
    work.catch((error: unknown) => {
      errors.push(error);
      return undefined;
    });

  const sendRound = async (round: readonly EnvelopeMessage[], delaySeconds: number, errors: unknown[]) => {
    const weighed = await eachBounded(round, requestsAtOnce, (message) =>
      kept(sizedMessage(name, message, payloadStore), errors),
    );
    const ready = weighed.filter((message) => message !== undefined);
    const requests = chunk(ready, { maxEntries, maxBytes: maxMessageBytes, sizeOf: ({ bytes }) => bytes });
    const answers = await eachBounded(requests, requestsAtOnce, (messages) =>
      kept(request(messages, delaySeconds, errors), errors),
    );
    const stored = new Set(answers.flatMap((envelopes) => envelopes ?? []));
    for (const { envelope, url } of ready) {
      if (url !== undefined && !stored.has(envelope)) await kept(payloadStore?.remove(url) as Promise<void>, errors);
    }
    return stored;
  };
  return { connected, sendRound };
};

/**
 * A queue of envelopes on SQS, standard or FIFO. Does no I/O.
 * @throws {ConfigError} CONFIG_INVALID when `queueUrl` is no URL.
 */
export const envelopeQueue = (options: EnvelopeQueueOptions): EnvelopeQueue => {
  const { user, name, queueUrl } = options;
  if (!URL.canParse(queueUrl)) {
    throw new ConfigError("CONFIG_INVALID", `${user}: queueUrl is missing or no URL; expected the queue's URL`);
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
    send: async (messages, delaySeconds = 0) => {
      const errors: unknown[] = [];
      const stored = await sendInOrder(messages, (round) => sendRound(round, delaySeconds, errors));
      return { stored, errors };
    },
    remove: async (receiptHandles) => {
      const sqs = await consumer();
      const entries = receiptHandles.map((ReceiptHandle) => ({ ReceiptHandle }));
      await askInTens(name, entries, (Entries) => sqs.deleteMessageBatch({ QueueUrl: queueUrl, Entries }));
    },
    postpone: async (messages) => {
      const sqs = await consumer();
      const entries = messages.map(({ receiptHandle, delaySeconds }) => ({
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: delaySeconds,
      }));
      await askInTens(name, entries, (Entries) => sqs.changeMessageVisibilityBatch({ QueueUrl: queueUrl, Entries }));
    },
  };
};
