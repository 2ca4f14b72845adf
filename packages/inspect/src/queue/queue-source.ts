// A message source that reads an SQS queue.

import {
  changeVisibility,
  deleteMessages,
  maxBatchEntries,
  requestsAtOnce,
  type SqsCalls,
} from "@sluice/core/envelope";
import { type HeldMessage, type HeldMessages, heldMessages } from "./held-messages.ts";
import type { MessageSource, ReceiveEnd, SourceMessage } from "./message-source.ts";
import { type QueueAttributes, statusOf, visibilitySeconds } from "./queue-attributes.ts";

/** The methods of the SDK's client `SQS` that this message source calls. */
export type SourceQueueClient = Omit<SqsCalls, "sendMessageBatch"> & { readonly destroy?: () => void };

/** Maximum number of messages in flight. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html (read 2026-11-25) */
const maxInFlight = 120_000;

/** Seconds of a long poll. A short poll may miss messages, because SQS does not ask all of the queue's servers. */
const longPollSeconds = 1;
/** After this many empty long polls in a row, a queue counts as empty, even if its attributes say otherwise. */
const maxEmptyPolls = 3;

/** Maximum attempts to delete a message. A message that is not deleted would be delivered a second time later. */
const deleteAttempts = 3;

/** Options of a message source that reads a queue. */
export interface QueueSourceOptions {
  readonly client: SourceQueueClient;
  readonly queueUrl: string;
  /** Returns the time in milliseconds since the epoch. */
  readonly now: () => number;
  /** Maximum number of messages that are hidden at the same time. Default: SQS' limit. */
  readonly maxHeld?: number;
  /** Returns a function that throws another error for a failed request about `subject`. Default: the error of the SDK. */
  readonly failing?: (subject: string) => (error: unknown) => never;
}

const asItIs =
  () =>
  (error: unknown): never => {
    throw error;
  };

/** A queue whose attributes have been read. */
interface OpenQueueSource extends Required<Omit<QueueSourceOptions, "now">> {
  readonly name: string;
  readonly isFifo: boolean;
  readonly holdSeconds: number;
  readonly held: HeldMessages;
}

const attributesOf = async ({
  client,
  queueUrl: QueueUrl,
  failing = asItIs,
}: Pick<QueueSourceOptions, "client" | "queueUrl" | "failing">): Promise<QueueAttributes> => {
  const request = client.getQueueAttributes({ QueueUrl, AttributeNames: ["All"] });
  return (await request.catch(failing(`the queue ${QueueUrl}`))).Attributes ?? {};
};

/** Sends one receive request. Returns the new messages, or undefined if too many messages are in flight for SQS. */
const receive = async (queue: OpenQueueSource, WaitTimeSeconds: number): Promise<SourceMessage[] | undefined> => {
  const { client, queueUrl: QueueUrl, held, holdSeconds: VisibilityTimeout } = queue;
  try {
    const input = { QueueUrl, MaxNumberOfMessages: maxBatchEntries, WaitTimeSeconds, VisibilityTimeout };
    const { Messages = [] } = await client.receiveMessage(input);
    return Messages.flatMap(({ MessageId: id = "", Body: body = "", ReceiptHandle: receiptHandle = "" }) => {
      const isKnown = held.has(id);
      held.hold({ id, receiptHandle });
      return isKnown ? [] : [{ id, body }];
    });
  } catch (error) {
    if (error instanceof Error && /OverLimit/.test(error.name)) return undefined;
    return queue.failing(`the queue ${QueueUrl}`)(error);
  }
};

/** Receives by several short polls or one long poll. Returns undefined if too many messages are in flight. */
const receiveSome = async (queue: OpenQueueSource, isLongPoll: boolean): Promise<SourceMessage[] | undefined> => {
  const room = Math.ceil((queue.maxHeld - queue.held.size()) / maxBatchEntries);
  if (room <= 0) return undefined;
  const polls = isLongPoll ? 1 : Math.min(requestsAtOnce, room);
  const answers = await Promise.all(
    Array.from({ length: polls }, () => receive(queue, isLongPoll ? longPollSeconds : 0)),
  );
  const messages = answers.flatMap((answer) => answer ?? []);
  return messages.length === 0 && answers.includes(undefined) ? undefined : messages;
};

/** Whether the queue counts as empty after `emptyPolls` empty long polls in a row. */
const isEmptyAfter = async (queue: OpenQueueSource, emptyPolls: number): Promise<boolean> => {
  if (emptyPolls === 0) return false;
  return emptyPolls === maxEmptyPolls || statusOf(await attributesOf(queue)).available === 0;
};

const receiveAll = async (
  queue: OpenQueueSource,
  pass: (message: SourceMessage) => Promise<void>,
  signal: AbortSignal,
): Promise<ReceiveEnd> => {
  let [received, emptyPolls] = [0, 0];
  let isLongPoll = false;
  while (!signal.aborted && !(await isEmptyAfter(queue, emptyPolls))) {
    const messages = await receiveSome(queue, isLongPoll);
    if (messages === undefined) return { isFull: true };
    for (const message of messages) await pass(message);
    received += messages.length;
    // For a FIFO queue, the caller starts more rounds, which receive the messages that this round has missed.
    if (queue.isFifo && received > 0 && messages.length === 0) break;
    if (messages.length > 0) emptyPolls = 0;
    else if (isLongPoll) emptyPolls += 1;
    isLongPoll = messages.length === 0;
  }
  return { isFull: false };
};

const remove = async (queue: OpenQueueSource, ids: readonly string[]): Promise<string[]> => {
  let left: readonly HeldMessage[] = await queue.held.release(ids);
  for (let attempt = 0; left.length > 0 && attempt < deleteAttempts; attempt += 1) {
    const { refused, unanswered } = await deleteMessages(queue, left);
    left = [...refused, ...unanswered];
  }
  return left.map(({ id }) => id);
};

const release = async (queue: OpenQueueSource, ids: readonly string[]): Promise<number> => {
  const { refused, unanswered } = await changeVisibility(queue, await queue.held.release(ids), () => 0);
  return refused.length + unanswered.length;
};

/** Creates a message source that reads a queue. Sends no request until the source is used. */
export const queueSource = (options: QueueSourceOptions): MessageSource => {
  const { client, queueUrl, now, maxHeld = maxInFlight, failing = asItIs } = options;
  const name = queueUrl.split("/").at(-1) ?? queueUrl;
  const isFifo = queueUrl.endsWith(".fifo");
  let queue: OpenQueueSource | undefined;

  const open = (attributes: QueueAttributes): OpenQueueSource => {
    const holdSeconds = visibilitySeconds(attributes);
    const held = heldMessages({ client, queueUrl, name, holdSeconds, now });
    return { client, queueUrl, name, isFifo, maxHeld, holdSeconds, held, failing };
  };
  const opened = async () => {
    const attributes = await attributesOf(options);
    queue ??= open(attributes);
    return { queue, status: statusOf(attributes) };
  };

  return {
    name,
    isFifo,
    status: async () => (await opened()).status,
    receiveAll: async (pass, signal) => receiveAll(queue ?? (await opened()).queue, pass, signal),
    remove: async (ids) => (queue === undefined ? [] : remove(queue, ids)),
    release: async (ids) => (queue === undefined ? 0 : release(queue, ids ?? queue.held.ids())),
    expired: () => queue?.held.expired() ?? 0,
    close: async () => {
      queue?.held.stop();
      if (queue !== undefined) await release(queue, queue.held.ids());
      client.destroy?.();
    },
  };
};
