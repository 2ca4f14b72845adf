// The result of a write of envelopes: which of them are safely stored.

import { untilAborted } from "../async/race.ts";
import { DeadlineError } from "../errors.ts";
import type { Envelope } from "./envelope.ts";

/** Result of a write of envelopes. */
export interface StoreResult {
  /** The envelopes that are safely stored. A record whose envelope is not among them is delivered again. */
  readonly stored: ReadonlySet<Envelope>;
  /** Why others are not, for the log. */
  readonly errors: readonly unknown[];
}

const nothingStored = (error: unknown): StoreResult => ({ stored: new Set(), errors: [error] });

const late = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before all envelopes were stored");

/** The result of one write. A write that throws, or that does not end before the last call, has stored nothing. */
export const storeResultOf = async (write: () => Promise<StoreResult>, lastCall: AbortSignal): Promise<StoreResult> => {
  if (lastCall.aborted) return nothingStored(late());
  try {
    return await untilAborted(write(), lastCall, late);
  } catch (error) {
    return nothingStored(error);
  }
};

/** Ids that one environment remembers: more than Lambda's largest batch has records. */
const maxRemembered = 20_000;

type Write<Value> = (values: readonly Value[]) => Promise<StoreResult>;

/**
 * Writes each envelope once in the life of an environment. While one sink makes Lambda retry a batch again and again,
 * the failed deliveries of another sink would fill the queue with copies.
 */
export const writeOnce = <Value>(write: Write<Value>, envelopeOf: (value: Value) => Envelope): Write<Value> => {
  const known = new Set<string>();
  return async (values) => {
    const idOf = (value: Value): string => envelopeOf(value).id;
    // One envelope for each id: a batch may hold a record twice.
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
