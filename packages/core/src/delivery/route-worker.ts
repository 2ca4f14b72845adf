// One batch on its way to one route: what the route does not take, what it has delivered before, what waits behind an
// earlier change, and the rest.

import type { RetryPolicy } from "../async/backoff.ts";
import { type Clock, type Deadline, within } from "../async/deadline.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { EnvelopeMessage } from "../envelope/envelope-message.ts";
import type { EnvelopeReceipt } from "../envelope/envelope-queue.ts";
import type { Received } from "../intake/event.ts";
import type { RouteResult } from "../pipeline/report.ts";
import type { PipelineLogger } from "../pipeline/telemetry.ts";
import type { Origin } from "../record/change.ts";
import type { Sink } from "../sink/sink.ts";
import { type CircuitBreaker, probingSink } from "./circuit-breaker.ts";
import type { DedupeStore, RouteId } from "./dedupe-store.ts";
import { deliver } from "./deliver.ts";
import { type DeliveryResult, type Entry, idOf } from "./item-queue.ts";
import { type Noting, notedBefore, notesOf, take } from "./journal.ts";
import { leasingSink } from "./leasing-sink.ts";
import { lastVersions, type PendingItems, pendingItemsOf, pendingSink, unreadablePending } from "./pending-items.ts";
import { pendingItem, spill } from "./retry-in-queue.ts";
import type { Route } from "./route.ts";

/** What a route's delivery needs of its pipeline and of the invocation. */
export interface DeliveryParts {
  readonly origin: Origin;
  readonly deadline: Deadline;
  /** Makes the envelope of a delivery that failed. */
  readonly envelopeOf: (route: string, position: number, result: DeliveryResult) => Envelope;
  readonly parts: {
    readonly name: string;
    readonly clock: Clock;
    readonly retry: RetryPolicy;
    readonly logger: PipelineLogger;
    readonly dedupeStore: DedupeStore | undefined;
    /** Writes to the retry queue; undefined where there is none. */
    readonly spillTo: ((messages: readonly EnvelopeMessage[]) => Promise<EnvelopeReceipt>) | undefined;
    readonly routeTimeoutMs: number;
    readonly outages: ReadonlyMap<string, CircuitBreaker>;
  };
}

/** The results of one route, and what its journal is about. */
export interface RouteDelivery extends RouteResult {
  /** Undefined where the route keeps no journal of this batch. */
  readonly noting: Noting | undefined;
  readonly entries: readonly Entry[];
  /** Idempotency keys of the deliveries that the journal knew. */
  readonly known: ReadonlySet<string>;
}

const nothingKnown: ReadonlySet<string> = new Set();

const filtered: DeliveryResult = Object.freeze({ outcome: "filtered", attempts: 0 });
const deliveredBefore: DeliveryResult = Object.freeze({ outcome: "superseded", attempts: 0 });

/** A route whose deliveries are acquired before they are sent, where it asks for that. */
export const leasing = (route: Route, { name: pipeline, dedupeStore, logger }: DeliveryParts["parts"]): Route => {
  if (route.dedupe !== "always" || dedupeStore === undefined) return route;
  const id = { pipeline, route: route.name };
  return { ...route, sink: leasingSink(route.sink as Sink<unknown, "append">, { ...dedupeStore, id, logger }) };
};

interface Sorted {
  readonly entries: Entry[];
  /** Verdicts that need no delivery. */
  readonly settled: [position: number, result: DeliveryResult][];
  /** Whether no entry came in an envelope. A queue brings envelopes, or what Lambda gave up on: seldom both. */
  readonly areFresh: boolean;
}

/** The records for this route. Of malformed ones nothing can be sent. */
const sorted = (route: Route, received: readonly Received[], origin: Origin): Sorted => {
  const entries: Entry[] = [];
  const settled: Sorted["settled"] = [];
  const isTaken = route.origins.has(origin);
  let areFresh = true;
  received.forEach(({ change, error, envelope, unread }, position) => {
    if (unread !== undefined || (envelope !== undefined && envelope.sink !== route.name)) return;
    areFresh &&= envelope === undefined;
    if (!isTaken) settled.push([position, filtered]);
    else if (change !== undefined) entries.push({ position, change });
    else if (error !== undefined) settled.push([position, { outcome: "rejected", error, attempts: 0 }]);
  });
  return { entries, settled, areFresh };
};

/** What of a batch comes again is known by its journal; an envelope is a message of its own. */
const notingOf = (route: Route, id: RouteId, { parts, deadline }: DeliveryParts): Noting | undefined => {
  if (route.dedupe !== "on-failure" || parts.dedupeStore === undefined) return undefined;
  return { journal: parts.dedupeStore.journal, id, logger: parts.logger, deadline };
};

/** Where the marks of parked items are, for a route that must keep order and spills. */
const parkingOf = (route: Route, { spillTo, dedupeStore }: DeliveryParts["parts"]): PendingItems | undefined =>
  spillTo !== undefined && route.spills && route.sink.supports.writes === "append"
    ? dedupeStore?.pendingItems
    : undefined;

/** What keeps a batch in order, and the items that nothing may overtake. */
interface Ordering {
  /** The sink as the batch may use it. */
  readonly inOrder: (sink: Sink<unknown>) => Sink<unknown>;
  readonly marked: ReadonlyMap<string, string>;
}

const nothingMarked: ReadonlyMap<string, string> = new Map();

const unordered: Ordering = { inOrder: (sink) => sink, marked: nothingMarked };

const orderingOf = async (
  id: RouteId,
  pendingItems: PendingItems | undefined,
  { entries, signal }: { readonly entries: readonly Entry[]; readonly signal: AbortSignal },
): Promise<Ordering> => {
  if (pendingItems === undefined || entries.length === 0) return unordered;
  const itemKeys = [...new Set(entries.map(({ change }) => change.itemKey))];
  const of = (order: (sink: Sink<unknown, "append">) => Sink<unknown, "append">): Ordering["inOrder"] =>
    order as Ordering["inOrder"];
  try {
    const marked = await pendingItems.find(id, itemKeys, signal);
    if (marked.size === 0) return unordered;
    return { marked, inOrder: of((sink) => pendingSink(sink, id.route, marked)) };
  } catch (error) {
    return { marked: nothingMarked, inOrder: of((sink) => unreadablePending(sink, id.route, error)) };
  }
};

/** Delivers entries, and learns from it whether the target is there. */
const deliverWatched = async (
  route: Route,
  entries: readonly Entry[],
  { parts, deadline, origin }: DeliveryParts,
  { inOrder, isSpilling }: { readonly inOrder: Ordering["inOrder"]; readonly isSpilling: boolean },
): Promise<Map<number, DeliveryResult>> => {
  const { sink, name } = route;
  const { clock, retry, routeTimeoutMs } = parts;
  const breaker = parts.outages.get(name) as CircuitBreaker;
  const admission = isSpilling ? breaker.admit({ isAlone: origin === "retry" }) : "all";
  const usualMs = Math.min(routeTimeoutMs, deadline.remainingMs() / 2);
  const time = isSpilling
    ? within(deadline, admission === "all" ? breaker.timeFor(usualMs) : usualMs, clock)
    : deadline;
  const watched =
    admission === "all" ? sink : probingSink(sink, { route: name, breaker, clock, deadline: time, admission });
  try {
    // Parked deliveries stay outside: they say nothing of the target, so they are no probe.
    const results = await deliver({ ...route, sink: inOrder(watched) }, entries, { deadline: time, clock, retry });
    if (isSpilling && admission === "all") breaker.record(entries, results);
    return results;
  } finally {
    if (isSpilling) time.release();
  }
};

/** What a route and its batch have in common with what came before and what comes after. */
interface Bearings {
  readonly id: RouteId;
  /** Undefined where the route keeps no journal of this batch. */
  readonly noting: Noting | undefined;
  readonly pendingItems: PendingItems | undefined;
  readonly spillTo: DeliveryParts["parts"]["spillTo"];
  /** A message of the retry queue goes back there, whatever becomes of it. */
  readonly isSpilling: boolean;
}

/** Envelopes stand for themselves: they are known to no journal, wait behind nothing, and are not spilled again. */
const bearingsOf = (route: Route, areFresh: boolean, invocation: DeliveryParts): Bearings => {
  const { parts, origin } = invocation;
  const id = { pipeline: parts.name, route: route.name };
  if (!areFresh) {
    return { id, noting: undefined, pendingItems: undefined, spillTo: undefined, isSpilling: origin === "retry" };
  }
  const spillTo = route.spills ? parts.spillTo : undefined;
  const noting = notingOf(route, id, invocation);
  return { id, noting, pendingItems: parkingOf(route, parts), spillTo, isSpilling: spillTo !== undefined };
};

/** Spills what is to be retried. What the queue does not take comes again from the stream. */
const spillLeft = async (
  route: Route,
  entries: readonly Entry[],
  results: Map<number, DeliveryResult>,
  { bearings, marked, invocation }: Pick<Ordering, "marked"> & { bearings: Bearings; invocation: DeliveryParts },
): Promise<void> => {
  const { id, pendingItems, spillTo } = bearings;
  if (spillTo === undefined) return;
  const { parts, deadline } = invocation;
  const envelopeOf = (position: number, result: DeliveryResult): Envelope =>
    invocation.envelopeOf(route.name, position, result);
  const spilling = { write: spillTo, id, pendingItems, marked, envelopeOf, lastCall: deadline.lastCall };
  const errors = await spill(route, entries, results, spilling);
  if (errors.length === 0) return;
  const fields = { ...id, errors: errors.length, first: String(errors[0]) };
  parts.logger.warn("deliveries not spilled, they come again from the stream", fields);
};

/** The results of one route, malformed records rejected before any delivery. */
export const deliverTo = async (
  route: Route,
  received: readonly Received[],
  invocation: DeliveryParts,
): Promise<RouteDelivery> => {
  const { entries, settled, areFresh } = sorted(route, received, invocation.origin);
  const bearings = bearingsOf(route, areFresh, invocation);
  const { id, noting, pendingItems, isSpilling } = bearings;
  const known = noting === undefined ? nothingKnown : await notedBefore(noting, entries);
  const isKnown = ({ change }: Entry): boolean => known.has(idOf(route.name, change.eventId));
  const unknown = known.size === 0 ? entries : entries.filter((entry) => !isKnown(entry));
  const { signal } = invocation.deadline;
  const { inOrder, marked } = await orderingOf(id, pendingItems, { entries: unknown, signal });
  const results = await deliverWatched(route, unknown, invocation, { inOrder, isSpilling });
  await spillLeft(route, unknown, results, { bearings, marked, invocation });
  if (known.size > 0) {
    for (const entry of entries) if (isKnown(entry)) results.set(entry.position, deliveredBefore);
  }
  for (const [position, result] of settled) results.set(position, result);
  return { route: route.name, received: entries.length + settled.length, results, noting, entries, known };
};

/** Notes what each route has settled and Lambda will bring again, with the record at a position and all behind it. */
export const noteSettled = async (
  { parts }: DeliveryParts,
  routes: readonly RouteDelivery[],
  from: number,
): Promise<void> => {
  await Promise.all(
    routes.map(async ({ noting, route, entries, results, known }) => {
      if (noting !== undefined) await take(noting, notesOf(route, entries, results, { from, known }), parts.clock);
    }),
  );
};

/** Takes the marks off items whose last parked change is settled. A mark that stays is taken off by the next one. */
export const releaseParked = async (
  route: Route,
  { entries, results }: RouteDelivery,
  { parts }: DeliveryParts,
): Promise<void> => {
  const pendingItems = parkingOf(route, parts);
  if (pendingItems === undefined) return;
  const settled = entries.filter(({ position }) => results.get(position)?.outcome !== "retried");
  if (settled.length === 0) return;
  const id = { pipeline: parts.name, route: route.name };
  const items = pendingItemsOf(lastVersions(settled.map(pendingItem)));
  try {
    await pendingItems.release(id, items);
  } catch (error) {
    parts.logger.warn("marks of parked items not taken off", { ...id, items: items.length, reason: String(error) });
  }
};
