// Turns results into the response: the records that Lambda must deliver again, and the counts, which must add up.

import type { DeliveryResult, Outcome, RouteResult } from "../delivery/delivery-result.ts";
import type { RouteRun, RouteWorker } from "../delivery/route-worker.ts";
import { type DeliveryErrorCode, RecordError } from "../errors.ts";
import { type Invocation, staysInQueue } from "../intake/invocation.ts";
import type { PipelineLogger } from "../logger.ts";
import { outcomes } from "../observe/outcomes.ts";
import type { InvocationReport, OutcomeCounts, RouteReport } from "../observe/report.ts";
import type { StreamRecord } from "../record/change.ts";

/** The members of a route's result that are counted. */
type Counted = Pick<RouteResult, "route" | "received" | "results">;

/**
 * Counts a route's outcomes.
 * @throws when they do not add up to the number of deliveries that the route received. Otherwise a record could be lost
 * silently; the error makes Lambda deliver the batch again.
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

/** Counts the failed deliveries of all routes by error code. */
export const countFailures = (routes: readonly Counted[]): { [code in DeliveryErrorCode]?: number } => {
  const failures: { [code in DeliveryErrorCode]?: number } = {};
  for (const { results } of routes) {
    for (const { error } of results.values()) {
      if (error !== undefined) failures[error.code] = (failures[error.code] ?? 0) + 1;
    }
  }
  return failures;
};

/** Why deliveries of a route are retried: their number, and the message of the first. */
export interface RetryReason {
  readonly sink: string;
  readonly code: DeliveryErrorCode | undefined;
  readonly records: number;
  /** How many of them are in the retry queue. The other ones stay in the stream, or in the queue that they came from. */
  readonly queued: number;
  readonly reason: string;
}

/** Returns one reason for each route and error code of the retried deliveries. */
export const retryReasons = (routes: readonly Counted[]): readonly RetryReason[] => {
  const reasons: RetryReason[] = [];
  for (const { route, results } of routes) {
    const byCode = new Map<DeliveryErrorCode | undefined, RetryReason>();
    for (const { outcome, error, isQueued } of results.values()) {
      if (outcome !== "retried") continue;
      const { records, queued, reason } = byCode.get(error?.code) ?? { records: 0, queued: 0, reason: error?.message };
      byCode.set(error?.code, {
        sink: route,
        code: error?.code,
        records: records + 1,
        queued: queued + (isQueued ? 1 : 0),
        reason: reason ?? "",
      });
    }
    reasons.push(...byCode.values());
  }
  return reasons;
};

/** Logs why deliveries are retried, one line for each route and code: the response to Lambda names no reason. */
export const logRetried = (
  { logger, name }: { readonly logger: PipelineLogger; readonly name: string },
  routes: readonly Counted[],
): void => {
  for (const reason of retryReasons(routes)) logger.warn("deliveries to be retried", { pipeline: name, ...reason });
};

/** Records that Lambda must deliver again. The key is the position in the event, and the value is the reason. */
export type Failures = ReadonlyMap<number, Error>;

const ascending = (failures: Failures): Failures => new Map([...failures].sort(([a], [b]) => a - b));

/** Returns the positions of deliveries that must be repeated, in ascending order, each with its first reason. */
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

/** Whether Lambda must deliver the record of this result again. */
const isRepeated = (invocation: Invocation, { outcome, isQueued }: DeliveryResult, position: number): boolean =>
  outcome === "retried" ? isQueued !== true : outcome === "rejected" && staysInQueue(invocation, position);

/** The records of the event that Lambda must deliver again: unread records, and records with a delivery to repeat. */
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
 * Returns an error if the whole invocation must fail, because the response cannot name the failed record. There are two
 * cases: the event is a notification, or the failed record has no identifier that Lambda could read in the response.
 */
export const fatalFailure = ({ event }: Invocation, failures: Failures): Error | undefined => {
  if (event.kind === "notification") return [...failures.values()][0];
  for (const position of failures.keys()) {
    const record = (event.records[position] ?? {}) as StreamRecord & { messageId?: string };
    const streamIdentifier = event.isFromPipe ? record.eventID : record.dynamodb?.SequenceNumber;
    if (!(streamIdentifier || record.messageId)) {
      return new RecordError(
        "RECORD_MALFORMED",
        "a record that must be delivered again has no sequence number or event id to report",
      );
    }
  }
  return undefined;
};

/** The first position that Lambda will deliver again. In a stream, Lambda also delivers all later records again. */
export const firstToRepeat = ({ received }: Invocation, failures: Failures): number | undefined => {
  if (failures.size === 0) return undefined;
  const position = received.findIndex(({ source }) => failures.has(source));
  return position === -1 ? undefined : position;
};

const routeReport = ({ worker, result }: RouteRun, invocation: Invocation): RouteReport => {
  let queued = 0;
  for (const { isQueued } of result.results.values()) if (isQueued) queued += 1;
  const { durationMs } = result;
  return { ...countOutcomes(result), queued, durationMs, ...worker.lagAfter(result, invocation) };
};

/**
 * Returns the report of an invocation, without its times.
 * @param failures the records that Lambda must deliver again; `all` if the invocation fails.
 * @throws when the counts of a route do not add up.
 */
export const countAll = (
  pipeline: string,
  invocation: Invocation,
  runs: readonly RouteRun[],
  failures: Failures | "all",
): Omit<InvocationReport, "endedAt" | "durationMs"> => {
  const { origin, event } = invocation;
  const routes = Object.fromEntries(runs.map((run) => [run.result.route, routeReport(run, invocation)]));
  return {
    pipeline,
    origin,
    records: event.records.length,
    reported: failures === "all" ? event.records.length : failures.size,
    queued: Object.values(routes).reduce((sum, { queued }) => sum + queued, 0),
    ...(failures === "all" && { isFailed: true as const }),
    routes,
    failures: countFailures(runs.map(({ result }) => result)),
  };
};

const untried: DeliveryResult = Object.freeze({ outcome: "retried", attempts: 0 });

/** Returns the run of a route whose sink threw. The invocation fails, so that Lambda delivers all its records again. */
export const brokenRun = (worker: RouteWorker, { received, startedAt }: Invocation, endedAt: number): RouteRun => {
  const results = new Map<number, DeliveryResult>();
  received.forEach(({ unread, envelope }, position) => {
    if (unread === undefined && (envelope === undefined || envelope.sink === worker.name))
      results.set(position, untried);
  });
  const times = { endedAt, durationMs: Math.max(0, endedAt - startedAt) };
  const result = { route: worker.name, received: results.size, results, entries: [], noted: undefined, ...times };
  return { worker, result };
};
