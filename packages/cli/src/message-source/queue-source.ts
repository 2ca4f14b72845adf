// A queue as a letterbox. What is taken out is held by its visibility timeout.

import { awsFailure } from "../aws/aws-failure.ts";
import { type HeldMessages, heldMessages } from "./held-messages.ts";
import type { Letterbox, Taken, TakingOut } from "./message-source.ts";
import { askInTens, type QueueClient, requestsAtOnce } from "./queue-client.ts";
import { holdSecondsOf, type QueueAttributes, stockOf } from "./queue-attributes.ts";

/** Messages in flight. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html (read 2026-11-25) */
const mostInFlight = 120_000;

const messagesPerReceive = 10;

/** A long poll asks all of a queue's servers; a short one may miss messages. */
const longPollSeconds = 1;
/** Long polls in a row that bring nothing, while the queue says that messages wait. */
const mostVainPolls = 3;

/** What is not deleted is delivered once more. */
const deleteTries = 3;

export interface QueueLetterboxOptions {
  readonly client: QueueClient;
  readonly queueUrl: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Messages that are held at once. Default: what SQS allows. */
  readonly mostHeld?: number;
}

/** A queue that was looked at. */
interface OpenQueue {
  readonly client: QueueClient;
  readonly queueUrl: string;
  readonly isFifo: boolean;
  readonly mostHeld: number;
  readonly holdSeconds: number;
  readonly held: HeldMessages;
}

type Queue = Pick<OpenQueue, "client" | "queueUrl">;

const unreachable = ({ queueUrl }: Queue, error: unknown) => awsFailure(`the queue ${queueUrl}`, error);

const attributesOf = async (queue: Queue): Promise<QueueAttributes> => {
  const { client, queueUrl: QueueUrl } = queue;
  try {
    return (await client.getQueueAttributes({ QueueUrl, AttributeNames: ["All"] })).Attributes ?? {};
  } catch (error) {
    throw unreachable(queue, error);
  }
};

const isOverLimit = (error: unknown): boolean => error instanceof Error && /OverLimit/.test(error.name);

/** The messages of one receive that are new; undefined where SQS lets no more be in flight. */
const receive = async (queue: OpenQueue, WaitTimeSeconds: number): Promise<Taken[] | undefined> => {
  const { client, queueUrl: QueueUrl, held, holdSeconds: VisibilityTimeout } = queue;
  try {
    const input = { QueueUrl, MaxNumberOfMessages: messagesPerReceive, WaitTimeSeconds, VisibilityTimeout };
    const { Messages = [] } = await client.receiveMessage(input);
    return Messages.flatMap(({ MessageId: id = "", Body: text = "", ReceiptHandle = "" }) => {
      const isKnown = held.has(id);
      held.hold(id, ReceiptHandle);
      return isKnown ? [] : [{ id, text }];
    });
  } catch (error) {
    if (isOverLimit(error)) return undefined;
    throw unreachable(queue, error);
  }
};

/** Messages of several receives at once, or of one that waits. Undefined: no more may be held. */
const receiveSome = async (queue: OpenQueue, isPatient: boolean): Promise<Taken[] | undefined> => {
  const room = Math.ceil((queue.mostHeld - queue.held.size()) / messagesPerReceive);
  if (room <= 0) return undefined;
  const receives = isPatient ? 1 : Math.min(requestsAtOnce, room);
  const answers = await Promise.all(
    Array.from({ length: receives }, () => receive(queue, isPatient ? longPollSeconds : 0)),
  );
  const messages = answers.flatMap((answer) => answer ?? []);
  return messages.length === 0 && answers.includes(undefined) ? undefined : messages;
};

/** Whether a queue that brought nothing to so many long polls is empty. */
const isEmptyAfter = async (queue: OpenQueue, vainPolls: number): Promise<boolean> => {
  if (vainPolls === 0) return false;
  return vainPolls === mostVainPolls || stockOf(await attributesOf(queue)).waiting === 0;
};

const takeOut = async (
  queue: OpenQueue,
  pass: (message: Taken) => Promise<void>,
  signal: AbortSignal,
): Promise<TakingOut> => {
  let [taken, vainPolls] = [0, 0];
  let isPatient = false;
  while (!signal.aborted && !(await isEmptyAfter(queue, vainPolls))) {
    const messages = await receiveSome(queue, isPatient);
    if (messages === undefined) return { isFull: true };
    for (const message of messages) await pass(message);
    taken += messages.length;
    // The next round finds what this one has missed, and what is behind it.
    if (queue.isFifo && taken > 0 && messages.length === 0) break;
    if (messages.length > 0) vainPolls = 0;
    else if (isPatient) vainPolls += 1;
    isPatient = messages.length === 0;
  }
  return { isFull: false };
};

const remove = async ({ client, queueUrl: QueueUrl, held }: OpenQueue, ids: readonly string[]): Promise<string[]> => {
  let left = await held.release(ids);
  for (let tries = 0; left.length > 0 && tries < deleteTries; tries += 1) {
    const { refused, unanswered } = await askInTens(left, (entries) => {
      const Entries = entries.map(({ Id, value: { receiptHandle } }) => ({ Id, ReceiptHandle: receiptHandle }));
      return client.deleteMessageBatch({ QueueUrl, Entries });
    });
    left = [...refused, ...unanswered];
  }
  return left.map(({ id }) => id);
};

const putBack = async ({ client, queueUrl: QueueUrl, held }: OpenQueue, ids: readonly string[]): Promise<number> => {
  const { refused, unanswered } = await askInTens(await held.release(ids), (entries) => {
    const Entries = entries.map(({ Id, value }) => ({ Id, ReceiptHandle: value.receiptHandle, VisibilityTimeout: 0 }));
    return client.changeMessageVisibilityBatch({ QueueUrl, Entries });
  });
  return refused.length + unanswered.length;
};

/** The queue behind that URL. Nothing is asked of it before it is looked at. */
export const queueLetterbox = ({ client, queueUrl, now, mostHeld }: QueueLetterboxOptions): Letterbox => {
  const isFifo = queueUrl.endsWith(".fifo");
  let queue: OpenQueue | undefined;

  const open = (attributes: QueueAttributes): OpenQueue => {
    const holdSeconds = holdSecondsOf(attributes);
    return {
      client,
      queueUrl,
      isFifo,
      mostHeld: mostHeld ?? mostInFlight,
      holdSeconds,
      held: heldMessages({ client, queueUrl, holdSeconds, now }),
    };
  };
  const looked = async () => {
    const attributes = await attributesOf({ client, queueUrl });
    queue ??= open(attributes);
    return { queue, stock: stockOf(attributes) };
  };

  return {
    name: queueUrl.split("/").at(-1) ?? queueUrl,
    comesInRounds: isFifo,
    look: async () => (await looked()).stock,
    takeOut: async (pass, signal) => takeOut(queue ?? (await looked()).queue, pass, signal),
    remove: async (ids) => (queue === undefined ? [] : remove(queue, ids)),
    putBack: async (ids) => (queue === undefined ? 0 : putBack(queue, ids ?? queue.held.ids())),
    lapsed: () => queue?.held.lapsed() ?? 0,
    close: async () => {
      queue?.held.stop();
      if (queue !== undefined) await putBack(queue, queue.held.ids());
      client.destroy?.();
    },
  };
};
