// A dead-letter queue in memory. It does not store some of the envelopes, and may deliver a message more than once.

import type { DeadLetterQueue, PipelineHandler } from "@sluice/core";
import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import { sqsEvent } from "@sluice/testing";
import type { Random } from "./random.ts";

export interface TestDeadLetterQueue {
  readonly deadLetterQueue: DeadLetterQueue;
  readonly size: () => number;
  /**
   * Sends up to ten messages to the handler, as Lambda does. Messages that the handler reports as failed stay in the
   * queue. If the handler crashes, all messages stay.
   */
  readonly redrive: (handler: PipelineHandler) => Promise<void>;
  /** From now on, stores every envelope, and deletes every message that the handler does not report as failed. */
  readonly stopFaults: () => void;
}

export const deadLetterQueue = (random: Random): TestDeadLetterQueue => {
  let bodies: string[] = [];
  let isFaultless = false;

  const store = async (envelopes: readonly Envelope[]) => {
    const stored = new Set(isFaultless ? envelopes : random.some(envelopes, 0.8));
    bodies.push(...[...stored].map((envelope) => encodeEnvelope(envelope)));
    return { stored, errors: [] };
  };

  const redrive = async (handler: PipelineHandler): Promise<void> => {
    const first = random.integer(bodies.length);
    const received = bodies.slice(first, first + 10);
    const event = sqsEvent(received);
    bodies = bodies.filter((body) => !received.includes(body));
    // The messages are now in flight. If the handler throws, all of them must return to the queue.
    let reported = new Set(event.Records.map(({ messageId }) => messageId));
    try {
      const { batchItemFailures } = await handler(event);
      reported = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    } finally {
      const isRepeated = (): boolean => !isFaultless && random.chance(0.2);
      bodies.push(
        ...event.Records.filter(({ messageId }) => reported.has(messageId) || isRepeated()).map(({ body }) => body),
      );
    }
  };

  return {
    deadLetterQueue: { write: store },
    size: () => bodies.length,
    redrive,
    stopFaults: () => {
      isFaultless = true;
    },
  };
};
