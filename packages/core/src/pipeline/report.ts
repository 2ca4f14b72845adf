// From results to what Lambda is told. A delivery that is to come again makes its record come again; the account of
// every route must balance, or the invocation fails.

import type { DeliveryResult, Outcome } from "../delivery/item-queue.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { EnvelopeReceipt } from "../envelope/envelope-queue.ts";
import { DeadlineError, type DeliveryErrorCode } from "../errors.ts";
import { chunk } from "../sink/chunk.ts";
import type { OutcomeCounts } from "./telemetry.ts";

/** The results of one route, by the record's position in the event. */
export interface RouteResult {
  readonly route: string;
  /** Deliveries that the route was given. */
  readonly received: number;
  readonly results: Map<number, DeliveryResult>;
}

const outcomes: readonly Outcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];

/**
 * Counts a route's outcomes.
 * @throws when they do not add up to what it received: a record would be lost in silence, so Lambda must bring the batch again.
 */
export const countOutcomes = ({ route, received, results }: RouteResult): OutcomeCounts => {
  const counts: Record<Outcome, number> = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
  for (const { outcome } of results.values()) counts[outcome] += 1;
  const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
  if (sum !== received) {
    throw new Error(`[${route}] the account does not balance: ${received} deliveries received, ${sum} accounted for`);
  }
  return { received, ...counts };
};

/** Failures of all routes by code. */
export const countFailures = (routes: readonly RouteResult[]): { [code in DeliveryErrorCode]?: number } => {
  const failures: { [code in DeliveryErrorCode]?: number } = {};
  for (const { results } of routes) {
    for (const { error } of results.values()) {
      if (error !== undefined) failures[error.code] = (failures[error.code] ?? 0) + 1;
    }
  }
  return failures;
};

/** Positions of what is to come again, with the first reason, in ascending order. */
export const positionsToRepeat = (
  routes: readonly RouteResult[],
  repeats: (result: DeliveryResult, position: number) => boolean,
): Map<number, Error> => {
  const found = new Map<number, Error>();
  for (const { route, results } of routes) {
    for (const [position, result] of results) {
      if (!repeats(result, position) || found.has(position)) continue;
      found.set(position, result.error ?? new Error(`[${route}] the delivery is to be repeated`));
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
};

/** Makes the envelope of a rejected delivery. */
export type EnvelopeOf = (route: string, position: number, result: DeliveryResult) => Envelope;

const retried = (result: DeliveryResult): DeliveryResult => ({ ...result, outcome: "retried" });

/** Whether what the pipeline rejects at this position of the event is its to keep, and no dead letter already. */
export type IsOurs = (position: number) => boolean;

/** Turns every rejected delivery of a pipeline without dead letters into one that comes again. */
export const blockRejected = (routes: readonly RouteResult[], isOurs: IsOurs): void => {
  for (const { results } of routes) {
    for (const [position, result] of results) {
      if (result.outcome === "rejected" && isOurs(position)) results.set(position, retried(result));
    }
  }
};

/** Turns deliveries that come again into rejected ones, where they have done so for too long. */
export const rejectExpired = (routes: readonly RouteResult[], isExpired: (position: number) => boolean): void => {
  for (const { results } of routes) {
    for (const [position, result] of results) {
      if (result.outcome === "retried" && isExpired(position))
        results.set(position, { ...result, outcome: "rejected" });
    }
  }
};

/** A rejected delivery on its way to the dead letters. */
interface Rejected {
  readonly results: Map<number, DeliveryResult>;
  readonly position: number;
  readonly result: DeliveryResult;
  readonly envelope: Envelope;
}

/** In the order of the batch: where time runs out, Lambda's checkpoint moves past the records before. */
const rejectedOf = (routes: readonly RouteResult[], envelopeOf: EnvelopeOf, isOurs: IsOurs): Rejected[] =>
  routes
    .flatMap(({ route, results }) =>
      [...results]
        .filter(([position, result]) => result.outcome === "rejected" && isOurs(position))
        .map(([position, result]) => ({
          results,
          position,
          result,
          envelope: envelopeOf(route, position, result),
        })),
    )
    .sort((a, b) => a.position - b.position);

/** Envelopes of one `DeadLetterQueue.write`: what must come again when time runs out in the middle of one. */
const maxEnvelopes = 100;

const late = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before all envelopes were stored");

/** The receipt of one write: one that throws, or that does not end before the last call, has stored nothing. */
export const receiptOf = async (
  write: () => Promise<EnvelopeReceipt>,
  lastCall: AbortSignal,
): Promise<EnvelopeReceipt> => {
  const nothing = (error: unknown): EnvelopeReceipt => ({ stored: new Set(), errors: [error] });
  if (lastCall.aborted) return nothing(late());
  const over = new AbortController();
  const ended = new Promise<EnvelopeReceipt>((resolve) => {
    lastCall.addEventListener("abort", () => resolve(nothing(late())), { once: true, signal: over.signal });
  });
  const written = async (): Promise<EnvelopeReceipt> => write();
  return Promise.race([written().catch(nothing), ended]).finally(() => over.abort());
};

/**
 * Writes a dead letter for every rejected delivery; one that could not be stored comes again. Stops at the last call,
 * and when nothing of a write was stored: the queue is down.
 * @returns what went wrong, for the log.
 */
export const writeDeadLetters = async (
  write: DeadLetterQueue["write"],
  routes: readonly RouteResult[],
  { envelopeOf, isOurs, lastCall }: { envelopeOf: EnvelopeOf; isOurs: IsOurs; lastCall: AbortSignal },
): Promise<readonly unknown[]> => {
  const stored = new Set<Envelope>();
  const errors: unknown[] = [];
  const rejected = rejectedOf(routes, envelopeOf, isOurs);
  const unlimited = { maxEntries: maxEnvelopes, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 };
  for (const part of chunk(rejected, unlimited)) {
    const envelopes = part.map(({ envelope }) => envelope);
    const receipt = await receiptOf(() => write(envelopes), lastCall);
    for (const envelope of receipt.stored) stored.add(envelope);
    errors.push(...receipt.errors);
    if (receipt.stored.size === 0) break;
  }
  for (const { results, position, result, envelope } of rejected) {
    if (!stored.has(envelope)) results.set(position, retried(result));
  }
  return errors;
};
