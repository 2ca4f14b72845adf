// A dead-letter queue in memory.

import type { Envelope } from "../src/envelope.ts";
import type { DeadLetterQueue } from "../src/index.ts";

export interface MemoryDeadLetterQueue extends DeadLetterQueue {
  readonly envelopes: Envelope[];
  readonly writes: (readonly Envelope[])[];
}

/** Creates a queue that stores the envelopes for which `accepts` returns true. */
export const memoryDeadLetterQueue = (accepts: (envelope: Envelope) => boolean = () => true): MemoryDeadLetterQueue => {
  const envelopes: Envelope[] = [];
  const writes: (readonly Envelope[])[] = [];
  return {
    envelopes,
    writes,
    write: async (batch) => {
      writes.push(batch);
      const stored = batch.filter(accepts);
      envelopes.push(...stored);
      const errors = stored.length === batch.length ? [] : [new Error("the queue is full")];
      return { stored: new Set(stored), errors };
    },
  };
};
