// The result of storing envelopes: the envelopes that are safely stored.

import { untilAborted } from "../async/race.ts";
import { DeadlineError } from "../errors.ts";
import type { Envelope } from "./envelope.ts";

/** Result of storing envelopes. */
export interface StoreResult {
  /** The envelopes that are safely stored. Lambda redelivers the record of any other envelope. */
  readonly stored: ReadonlySet<Envelope>;
  /** Envelopes that are certainly not stored. An envelope in neither set may be stored, now or later. */
  readonly refused?: ReadonlySet<Envelope>;
  /** The errors of the other envelopes, for the log. */
  readonly errors: readonly unknown[];
}

const nothingStored = (error: unknown): StoreResult => ({ stored: new Set(), errors: [error] });

const late = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before all envelopes were stored");

/** Returns the result of a write. After a write that throws or has not ended at `lastCall`, no envelope counts as stored. */
export const storeResultOf = async (write: () => Promise<StoreResult>, lastCall: AbortSignal): Promise<StoreResult> => {
  if (lastCall.aborted) return nothingStored(late());
  try {
    return await untilAborted(write(), lastCall, late);
  } catch (error) {
    return nothingStored(error);
  }
};

/** Number of ids that one environment remembers. It is larger than the number of records in Lambda's largest batch. */
const maxRemembered = 20_000;

type Write<Value> = (values: readonly Value[]) => Promise<StoreResult>;

/**
 * Writes each envelope from the stream only once per environment. If one sink makes Lambda repeat a batch again and
 * again, the failed deliveries of another sink would otherwise fill the queue with copies. An envelope that was received
 * from a queue is always written: the copy that this environment wrote before may be the very message that it received.
 */
export const writeOnce = <Value>(write: Write<Value>, envelopeOf: (value: Value) => Envelope): Write<Value> => {
  const known = new Set<string>();
  const isKnown = ({ id, receipt }: Envelope): boolean => receipt === undefined && known.has(id);
  return async (values) => {
    const envelopes = values.map(envelopeOf);
    const old = envelopes.filter(isKnown);
    // A batch may contain a record twice, but each id needs only one envelope.
    const fresh = new Map<string, Value>();
    for (const value of values) if (!isKnown(envelopeOf(value))) fresh.set(envelopeOf(value).id, value);
    const result: StoreResult = fresh.size === 0 ? { stored: new Set(), errors: [] } : await write([...fresh.values()]);
    if (known.size > maxRemembered) known.clear();
    const stored = new Set([...result.stored].map(({ id }) => id));
    const refused = new Set([...(result.refused ?? [])].map(({ id }) => id));
    for (const { id, receipt } of result.stored) if (receipt === undefined) known.add(id);
    return {
      stored: new Set([...old, ...envelopes.filter(({ id }) => stored.has(id))]),
      refused: new Set(envelopes.filter((envelope) => !isKnown(envelope) && refused.has(envelope.id))),
      errors: result.errors,
    };
  };
};
