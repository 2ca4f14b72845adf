// Where dead letters go. A record is never gone: what could not be stored comes again.

import type { Envelope } from "./envelope.ts";
import { type EnvelopeReceipt, envelopeQueue } from "./envelope-queue.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { SqsSender } from "./sqs-client.ts";

/** Keeps envelopes until they are redriven. */
export interface DeadLetterQueue {
  readonly write: (envelopes: readonly Envelope[]) => Promise<EnvelopeReceipt>;
  /** Where records are that no message could hold: a redrive fetches them from there. */
  readonly payloadStore?: PayloadStore;
  /** Whether messages of an SQS event with this `eventSourceARN` are dead letters from here. */
  readonly isSource?: (eventSourceArn: string | undefined) => boolean;
  /** Takes messages out of the queue, before what they url is removed. */
  readonly remove?: (receiptHandles: readonly string[]) => Promise<void>;
}

/** Ids kept by one environment: more than a batch of Lambda's largest size. */
const maxRemembered = 20_000;

type Write<Value> = (values: readonly Value[]) => Promise<EnvelopeReceipt>;

/**
 * Passes on only envelopes that were not stored before by this environment. While another sink makes Lambda bring a
 * batch again and again, its failed deliveries would else fill the queue with copies.
 */
export const remembering = <Value>(write: Write<Value>, envelopeOf: (value: Value) => Envelope): Write<Value> => {
  const known = new Set<string>();
  return async (values) => {
    const idOf = (value: Value): string => envelopeOf(value).id;
    // One envelope for each id: a batch may hold a record twice.
    const fresh = new Map(values.filter((value) => !known.has(idOf(value))).map((value) => [idOf(value), value]));
    const old = values.filter((value) => known.has(idOf(value))).map(envelopeOf);
    const receipt = fresh.size === 0 ? { stored: [], errors: [] } : await write([...fresh.values()]);
    if (known.size > maxRemembered) known.clear();
    const ids = new Set([...receipt.stored].map(({ id }) => id));
    for (const id of ids) known.add(id);
    const stored = values.map(envelopeOf).filter(({ id }) => ids.has(id));
    return { stored: new Set([...old, ...stored]), errors: receipt.errors };
  };
};

export interface SqsDeadLetterQueueOptions {
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first dead letter is written. */
  readonly client?: SqsSender;
  /** Where records go that no message can hold, even compressed: `s3PayloadStore({ bucket })`. Default: they are retried. */
  readonly payloadStore?: PayloadStore;
}

const groupOf = ({ sink, record }: Envelope): string => sink + JSON.stringify(record?.dynamodb?.Keys ?? {});

/**
 * Dead letters on an SQS queue, standard or FIFO. The function needs `sqs:SendMessage` on it.
 * @throws {ConfigError} CONFIG_INVALID when `queueUrl` is no URL.
 */
export const sqsDeadLetterQueue = ({ queueUrl, client, payloadStore }: SqsDeadLetterQueueOptions): DeadLetterQueue => {
  const queue = envelopeQueue({ user: "sqsDeadLetterQueue", name: "dead letter", queueUrl, client, payloadStore });
  // A standard queue keeps no order, so that nothing need wait for another.
  const letterOf = (envelope: Envelope, index: number) => ({
    envelope,
    group: queue.isFifo ? groupOf(envelope) : String(index),
  });
  return {
    write: (envelopes) => queue.send(envelopes.map(letterOf)),
    isSource: queue.isSource,
    remove: queue.remove,
    ...(payloadStore && { payloadStore }),
  };
};
