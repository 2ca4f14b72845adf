// The result of storing envelopes: the envelopes that are safely stored.

import { untilAborted } from "../async/race.ts";
import { DeadlineError } from "../errors.ts";
import type { Envelope } from "./envelope.ts";

/** Result of storing envelopes. */
export interface StoreResult {
  /** The envelopes that are safely stored. Lambda redelivers the record of any other envelope. */
  readonly stored: ReadonlySet<Envelope>;
  /** The errors of the other envelopes, for the log. */
  readonly errors: readonly unknown[];
}

const nothingStored = (error: unknown): StoreResult => ({ stored: new Set(), errors: [error] });

const late = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before all envelopes were stored");

/** Returns the result of a write. A write that throws, or has not ended at `lastCall`, has stored no envelope. */
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
 * Writes each envelope only once per environment. If one sink makes Lambda repeat a batch again and again, the failed
 * deliveries of another sink would otherwise fill the queue with copies.
 */
export const writeOnce = <Value>(write: Write<Value>, envelopeOf: (value: Value) => Envelope): Write<Value> => {
  const known = new Set<string>();
  return async (values) => {
    const idOf = (value: Value): string => envelopeOf(value).id;
    // A batch may contain a record twice, but each id needs only one envelope.
    const fresh = new Map(values.filter((value) => !known.has(idOf(value))).map((value) => [idOf(value), value]));
    const old = values.filter((value) => known.has(idOf(value))).map(envelopeOf);
    const result = fresh.size === 0 ? { stored: [], errors: [] } : await write([...fresh.values()]);
    if (known.size > maxRemembered) known.clear();
    const ids = new Set([...result.stored].map(({ id }) => id));
    for (const id of ids) known.add(id);
    const stored = values.map(envelopeOf).filter(({ id }) => ids.has(id));
    return { stored: new Set([...old, ...stored]), errors: result.errors };
  };
};
