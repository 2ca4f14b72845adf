// Dead-letter queue for rejected records. No record is lost: a record that could not be stored is retried.

import { deepJson } from "../record/deep-json.ts";
import { checkOptionNames } from "../sink/option.ts";
import type { Envelope } from "./envelope.ts";
import { envelopeQueue } from "./envelope-queue.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { SqsSender } from "./sqs-client.ts";
import type { StoreResult } from "./store-result.ts";

/** Stores envelopes until they are redriven. */
export interface DeadLetterQueue {
  readonly write: (envelopes: readonly Envelope[]) => Promise<StoreResult>;
  /** The queue's address. A pipeline refuses a retry queue with the same address. */
  readonly queueUrl?: string;
  /** The store for records that are too large for a message. A redrive fetches them from this store. */
  readonly payloadStore?: PayloadStore;
  /** Whether messages of an SQS event with this `eventSourceARN` come from this queue. */
  readonly isSource?: (eventSourceArn: string | undefined) => boolean;
  /** Deletes messages from the queue. Called before the records that the messages point to are deleted. */
  readonly remove?: (receiptHandles: readonly string[]) => Promise<void>;
  /** Loads the client. Core calls it in the first invocation of an environment, and logs the error if it rejects. */
  readonly prepare?: () => Promise<void>;
}

/** Options of `sqsDeadLetterQueue`. */
export interface SqsDeadLetterQueueOptions {
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first dead letter is written. */
  readonly client?: SqsSender;
  /** Store for records too large even if compressed: `s3PayloadStore({ bucket })`. Default: core retries the record. */
  readonly payloadStore?: PayloadStore;
}

const groupOf = ({ pipeline, sink, record }: Envelope): string =>
  deepJson([pipeline, sink, record?.dynamodb?.Keys ?? {}]);

/**
 * A dead-letter queue on SQS, standard or FIFO. The function needs `sqs:SendMessage` on it.
 * @throws {ConfigError} CONFIG_INVALID when `queueUrl` is not a URL.
 */
export const sqsDeadLetterQueue = (options: SqsDeadLetterQueueOptions): DeadLetterQueue => {
  checkOptionNames("sqsDeadLetterQueue", options, { queueUrl: true, client: true, payloadStore: true });
  const { queueUrl, client, payloadStore } = options;
  const queue = envelopeQueue({ user: "sqsDeadLetterQueue", name: "dead letter", queueUrl, client, payloadStore });
  // A standard queue has no order, so no message needs to wait for another.
  const messageOf = (envelope: Envelope, index: number) => ({
    envelope,
    group: queue.isFifo ? groupOf(envelope) : String(index),
  });
  return {
    queueUrl,
    write: (envelopes) => queue.send(envelopes.map(messageOf)),
    isSource: queue.isSource,
    remove: queue.remove,
    prepare: queue.prepare,
    ...(payloadStore && { payloadStore }),
  };
};
