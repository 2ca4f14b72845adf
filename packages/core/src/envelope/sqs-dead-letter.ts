// Dead letters on SQS.

import type { DeadLetter } from "./dead-letter-queue.ts";
import type { Envelope } from "./envelope.ts";
import { envelopeQueue, type SqsSender } from "./envelope-queue.ts";
import type { ClaimCheck } from "./payload-store.ts";

export interface SqsDeadLetterOptions {
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first dead letter is written. */
  readonly client?: SqsSender;
  /** Where records go that no message can hold, even compressed: `s3ClaimCheck({ bucket })`. Default: they are retried. */
  readonly claimCheck?: ClaimCheck;
}

const groupOf = ({ sink, record }: Envelope): string => sink + JSON.stringify(record?.dynamodb?.Keys ?? {});

/**
 * Dead letters on an SQS queue, standard or FIFO. The function needs `sqs:SendMessage` on it.
 * @throws {ConfigError} CONFIG_INVALID when `queueUrl` is no URL.
 */
export const sqsDeadLetter = ({ queueUrl, client, claimCheck }: SqsDeadLetterOptions): DeadLetter => {
  const queue = envelopeQueue({ user: "sqsDeadLetter", name: "dead letter", queueUrl, client, claimCheck });
  // A standard queue keeps no order, so that nothing need wait for another.
  const letterOf = (envelope: Envelope, index: number) => ({
    envelope,
    group: queue.isFifo ? groupOf(envelope) : String(index),
  });
  return {
    write: (envelopes) => queue.send(envelopes.map(letterOf)),
    isSource: queue.isSource,
    remove: queue.remove,
    ...(claimCheck && { claimCheck }),
  };
};
