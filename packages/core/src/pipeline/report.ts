// From results to the response: what Lambda is to deliver again, and the account that must balance.

import type { DeliveryResult, Outcome, RouteResult } from "../delivery/delivery-result.ts";
import { type DeliveryErrorCode, RecordError } from "../errors.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { StreamRecord } from "../record/change.ts";
import type { InvocationReport, OutcomeCounts } from "./telemetry.ts";

const outcomes: readonly Outcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];

/** What the account of a route needs. */
type Counted = Pick<RouteResult, "route" | "received" | "results">;

/**
 * Counts a route's outcomes.
 * @throws when they do not add up to what the route received: a record would be lost in silence, so Lambda must deliver
 * the batch again.
 */
export const countOutcomes = ({ route, received, results }: Counted): OutcomeCounts => {
  const counts: Record<Outcome, number> = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
  for (const { outcome } of results.values()) counts[outcome] += 1;
  const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
  if (sum !== received) {
    throw new Error(`[${route}] the account does not balance: ${received} deliveries received, ${sum} accounted for`);
  }
  return { received, ...counts };
};

/** Failures of all routes by code. */
export const countFailures = (routes: readonly Counted[]): { [code in DeliveryErrorCode]?: number } => {
  const failures: { [code in DeliveryErrorCode]?: number } = {};
  for (const { results } of routes) {
    for (const { error } of results.values()) {
      if (error !== undefined) failures[error.code] = (failures[error.code] ?? 0) + 1;
    }
  }
  return failures;
};

/** Why records of the event must be delivered again, by position. */
export type Failures = ReadonlyMap<number, Error>;

const ascending = (failures: Failures): Failures => new Map([...failures].sort(([a], [b]) => a - b));

/** Positions of what is to be repeated, each with its first reason, in ascending order. */
export const positionsToRepeat = (
  routes: readonly Counted[],
  isRepeated: (result: DeliveryResult, position: number) => boolean,
): Failures => {
  const found = new Map<number, Error>();
  for (const { route, results } of routes) {
    for (const [position, result] of results) {
      if (!isRepeated(result, position) || found.has(position)) continue;
      found.set(position, result.error ?? new Error(`[${route}] the delivery is to be repeated`));
    }
  }
  return ascending(found);
};

/** Whether the position holds a dead letter, which stays in its queue as it is when it is rejected again. */
export const staysInQueue = ({ origin, received }: Invocation, position: number): boolean =>
  origin === "redrive" && received[position]?.envelope !== undefined;

/** Whether a delivery's record is delivered again: from the stream, or with its message. */
const isRepeated = (invocation: Invocation, { outcome, isQueued }: DeliveryResult, position: number): boolean =>
  outcome === "retried" ? isQueued !== true : outcome === "rejected" && staysInQueue(invocation, position);

/** Records of the event that must be delivered again: those left unread, and those with a delivery to be repeated. */
export const failuresOf = (invocation: Invocation, routes: readonly RouteResult[], unread: Failures): Failures => {
  const found = new Map(unread);
  const repeated = positionsToRepeat(routes, (result, position) => isRepeated(invocation, result, position));
  for (const [position, reason] of repeated) {
    const source = invocation.received[position]?.source as number;
    if (!found.has(source)) found.set(source, reason);
  }
  return ascending(found);
};

/**
 * Why the invocation itself must fail: a notification has no response to name records in, and Powertools leaves out a
 * failed record without an identifier, which would make it a success.
 */
export const fatalFailure = ({ event }: Invocation, failures: Failures): Error | undefined => {
  if (event.kind === "notification") return [...failures.values()][0];
  for (const position of failures.keys()) {
    const { dynamodb, messageId } = (event.records[position] ?? {}) as StreamRecord & { messageId?: string };
    if (!(dynamodb?.SequenceNumber || messageId)) {
      return new RecordError(
        "RECORD_MALFORMED",
        "a record that must be delivered again has no sequence number to report",
      );
    }
  }
  return undefined;
};

/** First position that Lambda will deliver again: the first of a failed record, and in a stream all behind it. */
export const firstToRepeat = ({ received }: Invocation, failures: Failures): number | undefined => {
  if (failures.size === 0) return undefined;
  const position = received.findIndex(({ source }) => failures.has(source));
  return position === -1 ? undefined : position;
};

/** The report of an invocation. @throws when the account of a route does not balance. */
export const reportOf = (
  pipeline: string,
  { origin, event, startedAt }: Invocation,
  { routes, failures, endedAt }: { routes: readonly RouteResult[]; failures: Failures; endedAt: number },
): InvocationReport => {
  let queued = 0;
  for (const { results } of routes) for (const { isQueued } of results.values()) if (isQueued) queued += 1;
  return {
    pipeline,
    origin,
    records: event.records.length,
    reported: failures.size,
    queued,
    durationMs: endedAt - startedAt,
    routes: Object.fromEntries(routes.map((result) => [result.route, countOutcomes(result)])),
    failures: countFailures(routes),
  };
};
