// Stores the dead letters of rejected deliveries. A delivery whose dead letter cannot be stored is not rejected.

import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { storeResultOf } from "../envelope/store-result.ts";
import type { PipelineLogger } from "../logger.ts";
import { chunk } from "../sink/chunk.ts";

/** Stores the envelopes of letters in the dead-letter queue until `lastCall` aborts. Returns the letters that are stored. */
export type StoreDeadLetters = <Letter extends { readonly envelope: Envelope }>(
  letters: readonly Letter[],
  lastCall: AbortSignal,
) => Promise<ReadonlySet<Letter>>;

/** Maximum number of envelopes in one write. If time runs out during a write, all its envelopes are retried. */
const maxEnvelopes = 100;

/** Creates a `StoreDeadLetters`. It stops after a write that stores no envelope, because the queue is then unavailable. */
export const deadLetterStore =
  (write: DeadLetterQueue["write"], pipeline: string, logger: PipelineLogger): StoreDeadLetters =>
  async (letters, lastCall) => {
    const stored = new Set<(typeof letters)[number]>();
    const errors: unknown[] = [];
    for (const part of chunk(letters, { maxEntries: maxEnvelopes })) {
      const result = await storeResultOf(() => write(part.map(({ envelope }) => envelope)), lastCall);
      for (const letter of part) if (result.stored.has(letter.envelope)) stored.add(letter);
      errors.push(...result.errors);
      if (result.stored.size === 0) break;
    }
    if (errors.length > 0) {
      logger.warn("dead letters not stored", { pipeline, errors: errors.length, first: String(errors[0]) });
    }
    return stored;
  };
