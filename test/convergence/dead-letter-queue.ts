// A dead-letter queue in memory: it stores most of what it is given, and delivers at least once.

import type { DeadLetterQueue, PipelineHandler } from "@sluice/core";
import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import { sqsEvent } from "@sluice/testing";
import type { Random } from "./random.ts";

export interface TestDeadLetterQueue {
  readonly deadLetterQueue: DeadLetterQueue;
  readonly size: () => number;
  /** Sends up to ten letters through the handler as Lambda does; those that it reports, or that crash it, stay. */
  readonly redrive: (handler: PipelineHandler) => Promise<void>;
  /** From now on everything is stored, and what was handled is gone. */
  readonly calm: () => void;
}

export const deadLetterQueue = (random: Random): TestDeadLetterQueue => {
  let bodies: string[] = [];
  let isCalm = false;

  const store = async (envelopes: readonly Envelope[]) => {
    const stored = new Set(isCalm ? envelopes : random.some(envelopes, 0.8));
    bodies.push(...[...stored].map((envelope) => encodeEnvelope(envelope)));
    return { stored, errors: [] };
  };

  const redrive = async (handler: PipelineHandler): Promise<void> => {
    const first = random.integer(bodies.length);
    const received = bodies.slice(first, first + 10);
    const event = sqsEvent(received);
    bodies = bodies.filter((body) => !received.includes(body));
    // Whatever happens, none may be lost: they are in flight, not gone.
    let reported = new Set(event.Records.map(({ messageId }) => messageId));
    try {
      const { batchItemFailures } = await handler(event);
      reported = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    } finally {
      const isRepeated = (): boolean => !isCalm && random.chance(0.2);
      bodies.push(
        ...event.Records.filter(({ messageId }) => reported.has(messageId) || isRepeated()).map(({ body }) => body),
      );
    }
  };

  return {
    deadLetterQueue: { write: store },
    size: () => bodies.length,
    redrive,
    calm: () => {
      isCalm = true;
    },
  };
};
