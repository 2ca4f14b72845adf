// From verdicts to what Lambda is told. A delivery that is to come again makes its record come again; the account of
// every route must balance, or the invocation fails.

import { chunk } from "./chunk.ts";
import type { DeadLetter, DeadLetterReceipt, Envelope } from "./dead-letter.ts";
import { DeadlineError, type DeliveryErrorCode } from "./errors.ts";
import type { Outcome, Verdict } from "./lane.ts";
import type { OutcomeCounts } from "./telemetry.ts";

/** The verdicts of one route, by the record's position in the event. */
export interface RouteVerdicts {
  readonly route: string;
  /** Deliveries that the route was given. */
  readonly received: number;
  readonly verdicts: Map<number, Verdict>;
}

const outcomes: readonly Outcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];

/**
 * Counts a route's outcomes.
 * @throws when they do not add up to what it received: a record would be lost in silence, so Lambda must bring the batch again.
 */
export const countOutcomes = ({ route, received, verdicts }: RouteVerdicts): OutcomeCounts => {
  const counts: Record<Outcome, number> = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
  for (const { outcome } of verdicts.values()) counts[outcome] += 1;
  const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
  if (sum !== received) {
    throw new Error(`[${route}] the account does not balance: ${received} deliveries received, ${sum} accounted for`);
  }
  return { received, ...counts };
};

/** Failures of all routes by code. */
export const countFailures = (routes: readonly RouteVerdicts[]): { [code in DeliveryErrorCode]?: number } => {
  const failures: { [code in DeliveryErrorCode]?: number } = {};
  for (const { verdicts } of routes) {
    for (const { error } of verdicts.values()) {
      if (error !== undefined) failures[error.code] = (failures[error.code] ?? 0) + 1;
    }
  }
  return failures;
};

/** Positions of the records that are to come again, with the first reason, in ascending order. */
export const recordsToRepeat = (
  routes: readonly RouteVerdicts[],
  repeats: (verdict: Verdict) => boolean,
): Map<number, Error> => {
  const found = new Map<number, Error>();
  for (const { route, verdicts } of routes) {
    for (const [position, verdict] of verdicts) {
      if (!repeats(verdict) || found.has(position)) continue;
      found.set(position, verdict.error ?? new Error(`[${route}] the delivery is to be repeated`));
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
};

/** Makes the envelope of a rejected delivery. */
export type EnvelopeOf = (route: string, position: number, verdict: Verdict) => Envelope;

const retried = (verdict: Verdict): Verdict => ({ ...verdict, outcome: "retried" });

/** Turns every rejected delivery of a pipeline without dead letters into one that comes again. */
export const blockRejected = (routes: readonly RouteVerdicts[]): void => {
  for (const { verdicts } of routes) {
    for (const [position, verdict] of verdicts) {
      if (verdict.outcome === "rejected") verdicts.set(position, retried(verdict));
    }
  }
};

/** A rejected delivery on its way to the dead letters. */
interface Rejected {
  readonly verdicts: Map<number, Verdict>;
  readonly position: number;
  readonly verdict: Verdict;
  readonly envelope: Envelope;
}

/** In the order of the batch: where time runs out, Lambda's checkpoint moves past the records before. */
const rejectedOf = (routes: readonly RouteVerdicts[], envelopeOf: EnvelopeOf): Rejected[] =>
  routes
    .flatMap(({ route, verdicts }) =>
      [...verdicts]
        .filter(([, verdict]) => verdict.outcome === "rejected")
        .map(([position, verdict]) => ({
          verdicts,
          position,
          verdict,
          envelope: envelopeOf(route, position, verdict),
        })),
    )
    .sort((a, b) => a.position - b.position);

/** Envelopes of one `DeadLetter.write`: what must come again when time runs out in the middle of one. */
const maxEnvelopes = 100;

const late = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the dead letters were stored");

/** The receipt of one write: one that throws, or that does not end in time, has stored nothing. */
const receiptOf = async (
  deadLetter: DeadLetter,
  envelopes: readonly Envelope[],
  lastCall: AbortSignal,
): Promise<DeadLetterReceipt> => {
  const nothing = (error: unknown): DeadLetterReceipt => ({ stored: new Set(), errors: [error] });
  if (lastCall.aborted) return nothing(late());
  const over = new AbortController();
  const ended = new Promise<DeadLetterReceipt>((resolve) => {
    lastCall.addEventListener("abort", () => resolve(nothing(late())), { once: true, signal: over.signal });
  });
  const written = async (): Promise<DeadLetterReceipt> => deadLetter.write(envelopes);
  return Promise.race([written().catch(nothing), ended]).finally(() => over.abort());
};

/**
 * Writes a dead letter for every rejected delivery; one that could not be stored comes again. Stops at the last call,
 * and when nothing of a write was stored: the queue is down.
 * @returns what went wrong, for the log.
 */
export const writeDeadLetters = async (
  deadLetter: DeadLetter,
  routes: readonly RouteVerdicts[],
  envelopeOf: EnvelopeOf,
  lastCall: AbortSignal,
): Promise<readonly unknown[]> => {
  const stored = new Set<Envelope>();
  const errors: unknown[] = [];
  const rejected = rejectedOf(routes, envelopeOf);
  const unlimited = { maxEntries: maxEnvelopes, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 };
  for (const part of chunk(rejected, unlimited)) {
    const receipt = await receiptOf(
      deadLetter,
      part.map(({ envelope }) => envelope),
      lastCall,
    );
    for (const envelope of receipt.stored) stored.add(envelope);
    errors.push(...receipt.errors);
    if (receipt.stored.size === 0) break;
  }
  for (const { verdicts, position, verdict, envelope } of rejected) {
    if (!stored.has(envelope)) verdicts.set(position, retried(verdict));
  }
  return errors;
};
