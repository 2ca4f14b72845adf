// A route at run time: its sink, circuit breaker, journal, pending items and retry queue.

import type { RetryPolicy } from "../async/backoff.ts";
import { type Clock, type Deadline, within } from "../async/deadline.ts";
import type { EnvelopeMessage } from "../envelope/envelope-message.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import type { StoreResult } from "../envelope/store-result.ts";
import { type Invocation, staysInQueue } from "../intake/invocation.ts";
import { type Received, withheldFrom } from "../intake/received.ts";
import type { PipelineLogger } from "../logger.ts";
import type { Sink } from "../sink/sink.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { StoreDeadLetters } from "./dead-letters.ts";
import type { DedupeStore, RouteId } from "./dedupe-store.ts";
import { deliver } from "./deliver.ts";
import {
  type BatchEntry,
  type DeliveryResult,
  type Results,
  type RouteResult,
  withResults,
} from "./delivery-result.ts";
import { failedDelivery } from "./failed-delivery.ts";
import { type RouteJournal, routeJournal } from "./journal.ts";
import { leasingSink } from "./leasing-sink.ts";
import { type BatchGuard, nothingPending, type RoutePendingItems, routePendingItems } from "./pending-items.ts";
import { type ReferenceWait, referenceWait } from "./reference-wait.ts";
import { type RouteRetryQueue, retryInQueue } from "./retry-in-queue.ts";
import { isMarking, type SharedRoute } from "./route.ts";
import { LagMeter, type RouteLag } from "./route-lag.ts";
import type { DeliverySteps, SinkMemory } from "./write.ts";

/** Settings that all routes of a pipeline share. */
export interface DeliverySettings {
  /** The pipeline's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: PipelineLogger;
  readonly retry: RetryPolicy;
  readonly dedupeStore: DedupeStore | undefined;
  /** Writes to the retry queue; undefined if the pipeline has no retry queue. */
  readonly writeRetries: ((messages: readonly EnvelopeMessage[]) => Promise<StoreResult>) | undefined;
  /** Stores dead letters; undefined if rejected records block the stream. */
  readonly storeDeadLetters: StoreDeadLetters | undefined;
  /** Time limit of a route in one invocation, in milliseconds. Then unfinished deliveries go to the retry queue. */
  readonly routeTimeoutMs: number;
  /** The pipeline's retry queue. Its delays limit how long a pending delivery is remembered. */
  readonly retryQueue: Pick<RetryQueue, "delaysMs"> | undefined;
}

/** A route at run time. Lives as long as the environment. */
export interface RouteWorker {
  readonly name: string;
  /** Delivers the records that the route accepts. */
  readonly deliver: (invocation: Invocation) => Promise<RouteResult>;
  /** Notes the finished deliveries at position `from` and later, because Lambda will deliver these positions again. */
  readonly noteSettled: (result: RouteResult, from: number, invocation: Invocation) => Promise<void>;
  /** Returns how far the route is behind after an invocation. Call it once, with the last outcomes. */
  readonly lagAfter: (result: RouteResult, invocation: Invocation) => RouteLag;
  /** Releases the pending items of deliveries that an invocation of the retry queue has finished. */
  readonly releasePending: (result: RouteResult) => Promise<void>;
}

/** The result of a route in one invocation, and the worker whose other methods are called after `deliver`. */
export interface RouteRun {
  readonly worker: RouteWorker;
  readonly result: RouteResult;
}

/** The parts of a `RouteWorker`. */
interface Parts {
  readonly route: SharedRoute;
  readonly id: RouteId;
  readonly settings: DeliverySettings;
  readonly memory: SinkMemory;
  readonly breaker: CircuitBreaker;
  readonly journal: RouteJournal | undefined;
  readonly pendingItems: RoutePendingItems | undefined;
  readonly retryQueue: RouteRetryQueue | undefined;
  readonly wait: ReferenceWait;
}

const filtered: DeliveryResult = Object.freeze({ outcome: "filtered", attempts: 0 });
const deliveredBefore: DeliveryResult = Object.freeze({ outcome: "superseded", attempts: 0 });

/** The records of an invocation that concern one route: entries to deliver, and results that are already decided. */
interface Assigned {
  readonly entries: readonly BatchEntry[];
  /** Results of records that are not delivered: filtered, or malformed. */
  readonly decided: ReadonlyMap<number, DeliveryResult>;
  /** Whether every entry came as a plain record, not in an envelope. */
  readonly areFresh: boolean;
}

/** Returns the result of a record that is not delivered. A record without a change is malformed, and is rejected. */
const decidedFor = (received: Received, route: SharedRoute, isTaken: boolean): DeliveryResult | undefined => {
  const { change } = received;
  const { writes } = route.sink.supports;
  const isPlainRemoval = change?.kind === "remove" && !isMarking(route, change);
  const reason = isTaken ? (received.error ?? withheldFrom(writes, received, isPlainRemoval)) : "filtered";
  if (reason === "filtered") return filtered;
  return reason && { outcome: "rejected", error: reason, attempts: 0 };
};

const assign = (route: SharedRoute, { received, origin }: Invocation): Assigned => {
  const entries: BatchEntry[] = [];
  const decided = new Map<number, DeliveryResult>();
  const { name, origins } = route;
  const isTaken = origins.has(origin);
  let areFresh = true;
  received.forEach((record, position) => {
    const { change, envelope, unread } = record;
    if (unread !== undefined || (envelope !== undefined && envelope.sink !== name)) return;
    areFresh &&= envelope === undefined;
    const result = decidedFor(record, route, isTaken);
    if (result !== undefined) decided.set(position, result);
    else if (change !== undefined) entries.push({ position, change });
  });
  return { entries, decided, areFresh };
};

/**
 * Returns the positions of rejected deliveries that have a dead letter. A message of the dead-letter queue stays there
 * as its own dead letter.
 */
const storeRejected = async (
  { id, settings: { storeDeadLetters } }: Parts,
  invocation: Invocation,
  rejected: Results,
): Promise<ReadonlySet<number>> => {
  const positions = [...rejected.keys()];
  const stored = new Set(positions.filter((position) => staysInQueue(invocation, position)));
  if (storeDeadLetters === undefined) return stored;
  const letters = positions
    .filter((position) => !stored.has(position))
    .map((position) => ({
      position,
      envelope: failedDelivery(id, invocation, position, rejected.get(position) as DeliveryResult),
    }));
  for (const { position } of await storeDeadLetters(letters, invocation.deadline.lastCall)) stored.add(position);
  return stored;
};

const stepsOf = (parts: Parts, invocation: Invocation, deadline: Deadline): DeliverySteps => ({
  deadline,
  clock: parts.settings.clock,
  retry: parts.settings.retry,
  memory: parts.memory,
  storeRejected: (rejected) => storeRejected(parts, invocation, rejected),
});

/**
 * Delivers the entries that the circuit breaker admits, within the time limit of the route. Only for deliveries that
 * can go to the retry queue, because the stream would repeat other deliveries at once.
 */
const deliverBounded = async (
  parts: Parts,
  entries: readonly BatchEntry[],
  invocation: Invocation,
  guard: BatchGuard,
): Promise<Results> => {
  const { route, settings, breaker } = parts;
  const { deadline, origin } = invocation;
  const { clock, routeTimeoutMs } = settings;
  const admission = breaker.admit({ isAlone: origin === "retry" });
  const usualMs = Math.min(routeTimeoutMs, deadline.remainingMs() / 2);
  const time = within(deadline, admission === "all" ? breaker.timeFor(usualMs) : usualMs, clock);
  try {
    // The guard is checked first, because a delivery of a pending item makes no request, so it cannot be the probe.
    const sink = guard(admission === "all" ? route.sink : breaker.probing(route.sink, admission, time));
    const results = await deliver({ ...route, sink }, entries, stepsOf(parts, invocation, time));
    if (admission === "all") breaker.record(entries, results);
    return results;
  } finally {
    time.release();
  }
};

const deliverUnbounded = (
  parts: Parts,
  entries: readonly BatchEntry[],
  invocation: Invocation,
  guard: BatchGuard,
): Promise<Results> => {
  const { route } = parts;
  return deliver({ ...route, sink: guard(route.sink) }, entries, stepsOf(parts, invocation, invocation.deadline));
};

/** Delivers records from envelopes without journal, order check and retry queue, as their messages stay in a queue. */
const deliverAgain = (parts: Parts, entries: readonly BatchEntry[], invocation: Invocation): Promise<Results> => {
  const deliverThem = invocation.origin === "retry" ? deliverBounded : deliverUnbounded;
  return deliverThem(parts, entries, invocation, nothingPending);
};

/** Delivers changes that came without an envelope. If the route has a retry queue, stores failed deliveries there. */
const deliverFresh = async (parts: Parts, entries: readonly BatchEntry[], invocation: Invocation): Promise<Results> => {
  const { retryQueue, pendingItems } = parts;
  if (retryQueue === undefined) return deliverUnbounded(parts, entries, invocation, nothingPending);
  const guard = (await pendingItems?.find(entries, invocation.deadline.signal)) ?? nothingPending;
  const results = await deliverBounded(parts, entries, invocation, guard);
  return retryInQueue(retryQueue, entries, results, invocation);
};

/** The result of a route, without its times. */
type UntimedResult = Omit<RouteResult, "endedAt" | "durationMs">;

const deliverRoute = async (parts: Parts, invocation: Invocation): Promise<UntimedResult> => {
  const { route, journal, wait } = parts;
  const { name, idSuffix } = route;
  const { entries, decided, areFresh } = assign(route, invocation);
  const result = { route: name, received: entries.length + decided.size, entries };
  if (!areFresh) {
    const delivered = await deliverAgain(parts, entries, invocation);
    const results = withResults(wait.limit(invocation, delivered), decided);
    return { ...result, results, noted: undefined };
  }
  const noted = await journal?.find(entries, invocation.deadline);
  const isKnown = ({ change }: BatchEntry): boolean => noted?.has(change.eventId + idSuffix) === true;
  const known = noted?.size ? entries.filter(isKnown) : [];
  const unknown = known.length === 0 ? entries : entries.filter((entry) => !isKnown(entry));
  const fresh = wait.limit(invocation, await deliverFresh(parts, unknown, invocation));
  const delivered = withResults(fresh, decided);
  const before = new Map(known.map(({ position }) => [position, deliveredBefore]));
  return { ...result, results: withResults(delivered, before), noted };
};

/** Returns the sink of a route. With `dedupe: "always"` the sink sends a delivery only after it acquired a lease. */
const leasedSink = (
  route: SharedRoute,
  id: RouteId,
  { dedupeStore, logger, clock }: DeliverySettings,
): Sink<unknown> => {
  if (route.dedupe !== "always" || dedupeStore === undefined) return route.sink;
  return leasingSink(route.sink as Sink<unknown, "append">, { leases: dedupeStore.leases, id, logger, clock });
};

const partsOf = (given: SharedRoute, settings: DeliverySettings): Parts => {
  const { name: pipeline, dedupeStore, logger, writeRetries: write } = settings;
  const id = { pipeline, route: given.name };
  const route = { ...given, sink: leasedSink(given, id, settings) };
  const { retryIn, dedupe, sink } = route;
  const journal = dedupe === "on-failure" && dedupeStore ? routeJournal(dedupeStore.journal, id, settings) : undefined;
  const usesQueue = retryIn === "queue" && write !== undefined;
  const store = usesQueue && sink.supports.writes === "append" ? dedupeStore?.pendingItems : undefined;
  const pendingItems = store && routePendingItems(store, id, logger);
  const retryQueue = usesQueue ? { id, logger, write, pendingItems } : undefined;
  const breaker = new CircuitBreaker(id, settings);
  const wait = referenceWait(route.referenceWaits, settings.clock);
  const memory = { hasWritten: false };
  return { route, id, settings, memory, breaker, journal, pendingItems, retryQueue, wait };
};

/** The worker of a route. */
export const routeWorker = (route: SharedRoute, settings: DeliverySettings): RouteWorker => {
  const parts = partsOf(route, settings);
  const lag = new LagMeter(settings.retryQueue?.delaysMs);
  const { clock } = settings;
  return {
    name: route.name,
    deliver: async (invocation) => {
      const startedAt = clock.now();
      const result = await deliverRoute(parts, invocation);
      const endedAt = clock.now();
      return { ...result, endedAt, durationMs: Math.max(0, endedAt - startedAt) };
    },
    lagAfter: (result, invocation) => lag.after(result, invocation),
    noteSettled: async (result, from, { deadline }) => {
      if (result.noted !== undefined) await parts.journal?.note(result, from, deadline);
    },
    releasePending: async ({ entries, results }) => {
      await parts.pendingItems?.release(entries.filter(({ position }) => results.get(position)?.outcome !== "retried"));
    },
  };
};
