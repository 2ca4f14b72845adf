// What a dead letter holds, and where it goes. A record is never gone: what could not be stored comes again.

import type { StreamRecord } from "./change.ts";
import type { DeliveryErrorCode } from "./errors.ts";

/** One delivery that will never succeed as it is, with everything that is needed to send it again. */
export interface Envelope {
  /** Version of this format. */
  readonly v: 1;
  /** Equal for every repeat of the same delivery. */
  readonly id: string;
  readonly pipeline: string;
  /** Name of the route that failed: a redrive goes to it and to no other. */
  readonly sink: string;
  readonly code: DeliveryErrorCode;
  /** For people. Holds no item values. */
  readonly message: string;
  /** Writes that were tried; 0 where the mapper or schema refused the record. */
  readonly attempts: number;
  /** ISO 8601, UTC. */
  readonly firstFailedAt: string;
  /** The stream record as Lambda delivered it. */
  readonly record: StreamRecord;
}

/** What became of a write of dead letters. */
export interface DeadLetterReceipt {
  /** The envelopes that are safely stored. A record whose envelope is not among them is delivered again. */
  readonly stored: ReadonlySet<Envelope>;
  /** Why others are not, for the log. */
  readonly errors: readonly unknown[];
}

/** Keeps envelopes until they are redriven. */
export interface DeadLetter {
  readonly write: (envelopes: readonly Envelope[]) => Promise<DeadLetterReceipt>;
}

/** Ids kept by one environment: more than a batch of Lambda's largest size. */
const maxRemembered = 20_000;

/**
 * Passes on only envelopes that were not stored before by this environment. While another sink makes Lambda bring a
 * batch again and again, its rejected records would else fill the queue with copies.
 */
export const remembering = (deadLetter: DeadLetter): DeadLetter => {
  const known = new Set<string>();
  return {
    write: async (envelopes) => {
      // One envelope for each id: a batch may hold a record twice.
      const fresh = new Map(envelopes.filter(({ id }) => !known.has(id)).map((envelope) => [envelope.id, envelope]));
      const old = envelopes.filter(({ id }) => known.has(id));
      const receipt = fresh.size === 0 ? { stored: [], errors: [] } : await deadLetter.write([...fresh.values()]);
      if (known.size > maxRemembered) known.clear();
      const ids = new Set([...receipt.stored].map(({ id }) => id));
      for (const id of ids) known.add(id);
      return { stored: new Set([...old, ...envelopes.filter(({ id }) => ids.has(id))]), errors: receipt.errors };
    },
  };
};

const textMembers = [
  "id",
  "pipeline",
  "sink",
  "code",
  "message",
  "firstFailedAt",
] as const satisfies (keyof Envelope)[];

const isEnvelope = (value: unknown): value is Envelope => {
  if (typeof value !== "object" || value === null) return false;
  const candidate: { readonly [member in keyof Envelope]?: unknown } = value;
  return (
    candidate.v === 1 &&
    textMembers.every((member) => typeof candidate[member] === "string") &&
    typeof candidate.attempts === "number" &&
    typeof candidate.record === "object" &&
    candidate.record !== null
  );
};

/** The envelope itself where the value is one of a version that this code reads, else undefined. */
export const asEnvelope = (value: unknown): Envelope | undefined => (isEnvelope(value) ? value : undefined);
