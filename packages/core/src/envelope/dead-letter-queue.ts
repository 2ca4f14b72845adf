// Where dead letters go. A record is never gone: what could not be stored comes again.

import type { Envelope } from "./envelope.ts";
import type { EnvelopeReceipt } from "./envelope-queue.ts";
import type { ClaimCheck } from "./payload-store.ts";

/** Keeps envelopes until they are redriven. */
export interface DeadLetter {
  readonly write: (envelopes: readonly Envelope[]) => Promise<EnvelopeReceipt>;
  /** Where records are that no message could hold: a redrive fetches them from there. */
  readonly claimCheck?: ClaimCheck;
  /** Whether messages of an SQS event with this `eventSourceARN` are dead letters from here. */
  readonly isSource?: (eventSourceArn: string | undefined) => boolean;
  /** Takes messages out of the queue, before what they claim is removed. */
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
