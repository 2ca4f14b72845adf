// Looks for failed deliveries of the item in a queue, as `sluice dead-letters list` does: receives all visible messages, and
// releases them.

import { type Envelope, type Image, messageContent } from "@sluice/core/envelope";
import { type Answer, ask, isAnswered } from "../aws/answer.ts";
import { type MessageSource, type SourceStatus, stillHidden } from "../queue/message-source.ts";
import { queueSource, type SourceQueueClient } from "../queue/queue-source.ts";
import { isKeyOf, versionIn } from "./record.ts";
import type { QueuedDelivery, QueueKind, QueuePart, QueueSight } from "./story.ts";

/** A queue to look at. */
export interface TracedQueue {
  readonly kind: QueueKind;
  readonly queueUrl: string;
  /** Its `destroy` is called when the queue has been looked at. */
  readonly client: SourceQueueClient;
}

/** Returns an envelope with its record from S3; undefined if the record is lost, or must not be read. */
export type FetchRecord = (envelope: Envelope) => Promise<Envelope | undefined>;

/** What to look for. */
export interface QueueSearch {
  readonly pipeline: string;
  readonly keys: Image;
  readonly fetchRecord: FetchRecord | undefined;
  readonly maxMs: number;
  readonly signal: AbortSignal;
  readonly onMessage: () => void;
  readonly now: () => number;
}

const deliveryOf = ({ id, sink, code, attempts, firstFailedAt, record }: Envelope): QueuedDelivery => ({
  id,
  route: sink,
  code,
  attempts,
  firstFailedAt,
  eventId: typeof record.eventID === "string" ? record.eventID : undefined,
  version: versionIn(record),
});

/** Counts messages, and keeps the deliveries of the item. */
const collector = ({ pipeline, keys, fetchRecord }: QueueSearch) => {
  const found = new Map<string, QueuedDelivery>();
  const counts = { others: 0, batches: 0, unsupported: 0, unread: 0 };
  const fetched = async (envelope: Envelope): Promise<Envelope | undefined> => {
    if (envelope.recordUrl === undefined) return envelope;
    return fetchRecord?.(envelope).catch(() => undefined);
  };
  const addEnvelope = async (envelope: Envelope): Promise<void> => {
    if (envelope.pipeline !== pipeline) {
      counts.others += 1;
      return;
    }
    const whole = await fetched(envelope);
    if (whole === undefined) counts.unread += 1;
    else if (!isKeyOf(keys, whole.record.dynamodb?.Keys)) counts.others += 1;
    // Several messages may have the same delivery.
    else found.set(JSON.stringify([envelope.sink, envelope.id]), deliveryOf(whole));
  };
  const add = async (body: string): Promise<void> => {
    const content = messageContent(body);
    if (content.kind === "dead-letter") await addEnvelope(content.envelope);
    else counts[content.kind === "on-failure" ? "batches" : "unsupported"] += 1;
  };
  return { add, sight: () => ({ ...counts, deliveries: [...found.values()].sort(byTime) }) };
};

const byTime = (one: QueuedDelivery, other: QueuedDelivery): number =>
  one.firstFailedAt < other.firstFailedAt ? -1 : Number(one.firstFailedAt > other.firstFailedAt);

/** Receives the messages that are visible now. A FIFO queue returns some of them only in a later round. */
const receiveAll = async (
  source: MessageSource,
  search: QueueSearch,
  status: SourceStatus,
): Promise<Omit<QueueSight, "notReleased">> => {
  const { add, sight } = collector(search);
  const signal = AbortSignal.any([search.signal, AbortSignal.timeout(search.maxMs)]);
  let received = 0;
  let isCut = source.isFifo;
  for (let before = -1; received > before && !signal.aborted; ) {
    before = received;
    const { isFull } = await source.receiveAll(async ({ body }) => {
      received += 1;
      search.onMessage();
      await add(body);
    }, signal);
    isCut ||= isFull;
    if (!source.isFifo) break;
  }
  const rest = isCut || signal.aborted ? ((await source.status()).available ?? 0) : 0;
  return { ...sight(), hidden: stillHidden(status, received) + rest };
};

const openSight = async (
  source: MessageSource,
  search: QueueSearch,
): Promise<Answer<Omit<QueueSight, "notReleased">>> => {
  const status = await ask("sqs:GetQueueAttributes", () => source.status());
  if (!isAnswered(status)) return status;
  const [note] = status.value.notes;
  // Each receive counts. After some, SQS would move the messages to another queue.
  if (note !== undefined) return { unanswered: { action: "sqs:ReceiveMessage", reason: note } };
  try {
    return { value: await receiveAll(source, search, status.value) };
  } catch (error) {
    return { unanswered: { action: "sqs:ReceiveMessage", reason: (error as Error).name } };
  }
};

/**
 * Looks at a queue, releases its messages, and closes the client. A queue that moves messages to another one after some
 * receives is not looked at.
 */
export const lookAtQueue = async ({ kind, queueUrl, client }: TracedQueue, search: QueueSearch): Promise<QueuePart> => {
  const source = queueSource({ client, queueUrl, now: search.now });
  const part = (sight: Answer<QueueSight>): QueuePart => ({ kind, name: source.name, queueUrl, sight });
  try {
    const sight = await openSight(source, search);
    const notReleased = await source.release();
    return part(isAnswered(sight) ? { value: { ...sight.value, notReleased } } : sight);
  } finally {
    await source.close();
  }
};
