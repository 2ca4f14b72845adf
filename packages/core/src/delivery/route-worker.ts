// One batch on its way to one route: what the route does not take, what it has delivered before, what waits behind an
// earlier change, and the rest.

import type { RetryPolicy } from "../async/backoff.ts";
import { type Clock, type Deadline, within } from "../async/deadline.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { Letter } from "../envelope/envelope-message.ts";
import type { EnvelopeReceipt } from "../envelope/envelope-queue.ts";
import type { Received } from "../intake/event.ts";
import type { RouteVerdicts } from "../pipeline/report.ts";
import type { PipelineLogger } from "../pipeline/telemetry.ts";
import type { Origin } from "../record/change.ts";
import type { Sink } from "../sink/sink.ts";
import { type Outage, probingSink } from "./circuit-breaker.ts";
import type { DedupeStore, RouteId } from "./dedupe-store.ts";
import { deliver } from "./deliver.ts";
import { type Entry, idOf, type Verdict } from "./item-queue.ts";
import { type Noting, notedBefore, notesOf, take } from "./journal.ts";
import { claimingSink } from "./leasing-sink.ts";
import { lastVersions, type Parking, parkedItems, parkingSink, unreadableParking } from "./pending-items.ts";
import { parkedItem, spill } from "./retry-in-queue.ts";
import type { Route } from "./route.ts";

/** What a route's delivery needs of its pipeline and of the invocation. */
export interface DeliveryParts {
  readonly origin: Origin;
  readonly deadline: Deadline;
  /** Makes the envelope of a delivery that failed. */
  readonly envelopeOf: (route: string, position: number, verdict: Verdict) => Envelope;
  readonly parts: {
    readonly name: string;
    readonly clock: Clock;
    readonly retry: RetryPolicy;
    readonly logger: PipelineLogger;
    readonly dedupeStore: DedupeStore | undefined;
    /** Writes to the retry queue; undefined where there is none. */
    readonly spillTo: ((letters: readonly Letter[]) => Promise<EnvelopeReceipt>) | undefined;
    readonly spillAfterMs: number;
    readonly outages: ReadonlyMap<string, Outage>;
  };
}

/** The verdicts of one route, and what its journal is about. */
export interface RouteDelivery extends RouteVerdicts {
  /** Undefined where the route keeps no journal of this batch. */
  readonly noting: Noting | undefined;
  readonly entries: readonly Entry[];
  /** Idempotency keys of the deliveries that the journal knew. */
  readonly known: ReadonlySet<string>;
}

const nothingKnown: ReadonlySet<string> = new Set();

const filtered: Verdict = Object.freeze({ outcome: "filtered", tries: 0 });
const deliveredBefore: Verdict = Object.freeze({ outcome: "superseded", tries: 0 });

/** A route whose deliveries are claimed before they are sent, where it asks for that. */
export const claiming = (route: Route, { name: pipeline, dedupeStore, logger }: DeliveryParts["parts"]): Route => {
  if (route.dedupe !== "always" || dedupeStore === undefined) return route;
  const id = { pipeline, route: route.name };
  return { ...route, sink: claimingSink(route.sink as Sink<unknown, "append">, { ...dedupeStore, id, logger }) };
};

interface Sorted {
  readonly entries: Entry[];
  /** Verdicts that need no delivery. */
  readonly settled: [position: number, verdict: Verdict][];
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
    else if (error !== undefined) settled.push([position, { outcome: "rejected", error, tries: 0 }]);
  });
  return { entries, settled, areFresh };
};

/** What of a batch comes again is known by its journal; an envelope is a message of its own. */
const notingOf = (route: Route, id: RouteId, { parts, deadline }: DeliveryParts): Noting | undefined => {
  if (route.dedupe !== "on-failure" || parts.dedupeStore === undefined) return undefined;
  return { journal: parts.dedupeStore.journal, id, logger: parts.logger, deadline };
};

/** Where the marks of parked items are, for a route that must keep order and spills. */
const parkingOf = (route: Route, { spillTo, dedupeStore }: DeliveryParts["parts"]): Parking | undefined =>
  spillTo !== undefined && route.spills && route.sink.supports.writes === "append" ? dedupeStore?.parking : undefined;

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
  parking: Parking | undefined,
  { entries, signal }: { readonly entries: readonly Entry[]; readonly signal: AbortSignal },
): Promise<Ordering> => {
  if (parking === undefined || entries.length === 0) return unordered;
  const itemKeys = [...new Set(entries.map(({ change }) => change.itemKey))];
  const of = (order: (sink: Sink<unknown, "append">) => Sink<unknown, "append">): Ordering["inOrder"] =>
    order as Ordering["inOrder"];
  try {
    const marked = await parking.find(id, itemKeys, signal);
    if (marked.size === 0) return unordered;
    return { marked, inOrder: of((sink) => parkingSink(sink, id.route, marked)) };
  } catch (error) {
    return { marked: nothingMarked, inOrder: of((sink) => unreadableParking(sink, id.route, error)) };
  }
};

/** Delivers entries, and learns from it whether the target is there. */
const deliverWatched = async (
  route: Route,
  entries: readonly Entry[],
  { parts, deadline, origin }: DeliveryParts,
  { inOrder, isSpilling }: { readonly inOrder: Ordering["inOrder"]; readonly isSpilling: boolean },
): Promise<Map<number, Verdict>> => {
  const { sink, name } = route;
  const { clock, retry, spillAfterMs } = parts;
  const outage = parts.outages.get(name) as Outage;
  const pass = isSpilling ? outage.pass({ isAlone: origin === "retry" }) : "all";
  const usualMs = Math.min(spillAfterMs, deadline.remainingMs() / 2);
  const time = isSpilling ? within(deadline, pass === "all" ? outage.timeFor(usualMs) : usualMs, clock) : deadline;
  const watched = pass === "all" ? sink : probingSink(sink, { route: name, outage, clock, deadline: time, pass });
  try {
    // Parked deliveries stay outside: they say nothing of the target, so they are no probe.
    const verdicts = await deliver({ ...route, sink: inOrder(watched) }, entries, { deadline: time, clock, retry });
    if (isSpilling && pass === "all") outage.note(entries, verdicts);
    return verdicts;
  } finally {
    if (isSpilling) time.release();
  }
};

/** What a route and its batch have in common with what came before and what comes after. */
interface Bearings {
  readonly id: RouteId;
  /** Undefined where the route keeps no journal of this batch. */
  readonly noting: Noting | undefined;
  readonly parking: Parking | undefined;
  readonly spillTo: DeliveryParts["parts"]["spillTo"];
  /** A letter of the retry queue goes back there, whatever becomes of it. */
  readonly isSpilling: boolean;
}

/** Envelopes stand for themselves: they are known to no journal, wait behind nothing, and are not spilled again. */
const bearingsOf = (route: Route, areFresh: boolean, invocation: DeliveryParts): Bearings => {
  const { parts, origin } = invocation;
  const id = { pipeline: parts.name, route: route.name };
  if (!areFresh) {
    return { id, noting: undefined, parking: undefined, spillTo: undefined, isSpilling: origin === "retry" };
  }
  const spillTo = route.spills ? parts.spillTo : undefined;
  const noting = notingOf(route, id, invocation);
  return { id, noting, parking: parkingOf(route, parts), spillTo, isSpilling: spillTo !== undefined };
};

/** Spills what is to be retried. What the queue does not take comes again from the stream. */
const spillLeft = async (
  route: Route,
  entries: readonly Entry[],
  verdicts: Map<number, Verdict>,
  { bearings, marked, invocation }: Pick<Ordering, "marked"> & { bearings: Bearings; invocation: DeliveryParts },
): Promise<void> => {
  const { id, parking, spillTo } = bearings;
  if (spillTo === undefined) return;
  const { parts, deadline } = invocation;
  const envelopeOf = (position: number, verdict: Verdict): Envelope =>
    invocation.envelopeOf(route.name, position, verdict);
  const spilling = { write: spillTo, id, parking, marked, envelopeOf, lastCall: deadline.lastCall };
  const errors = await spill(route, entries, verdicts, spilling);
  if (errors.length === 0) return;
  const fields = { ...id, errors: errors.length, first: String(errors[0]) };
  parts.logger.warn("deliveries not spilled, they come again from the stream", fields);
};

/** The verdicts of one route, malformed records rejected before any delivery. */
export const deliverTo = async (
  route: Route,
  received: readonly Received[],
  invocation: DeliveryParts,
): Promise<RouteDelivery> => {
  const { entries, settled, areFresh } = sorted(route, received, invocation.origin);
  const bearings = bearingsOf(route, areFresh, invocation);
  const { id, noting, parking, isSpilling } = bearings;
  const known = noting === undefined ? nothingKnown : await notedBefore(noting, entries);
  const isKnown = ({ change }: Entry): boolean => known.has(idOf(route.name, change.eventId));
  const unknown = known.size === 0 ? entries : entries.filter((entry) => !isKnown(entry));
  const { signal } = invocation.deadline;
  const { inOrder, marked } = await orderingOf(id, parking, { entries: unknown, signal });
  const verdicts = await deliverWatched(route, unknown, invocation, { inOrder, isSpilling });
  await spillLeft(route, unknown, verdicts, { bearings, marked, invocation });
  if (known.size > 0) {
    for (const entry of entries) if (isKnown(entry)) verdicts.set(entry.position, deliveredBefore);
  }
  for (const [position, verdict] of settled) verdicts.set(position, verdict);
  return { route: route.name, received: entries.length + settled.length, verdicts, noting, entries, known };
};

/** Notes what each route has settled and Lambda will bring again, with the record at a position and all behind it. */
export const noteSettled = async (
  { parts }: DeliveryParts,
  routes: readonly RouteDelivery[],
  from: number,
): Promise<void> => {
  await Promise.all(
    routes.map(async ({ noting, route, entries, verdicts, known }) => {
      if (noting !== undefined) await take(noting, notesOf(route, entries, verdicts, { from, known }), parts.clock);
    }),
  );
};

/** Takes the marks off items whose last parked change is settled. A mark that stays is taken off by the next one. */
export const releaseParked = async (
  route: Route,
  { entries, verdicts }: RouteDelivery,
  { parts }: DeliveryParts,
): Promise<void> => {
  const parking = parkingOf(route, parts);
  if (parking === undefined) return;
  const settled = entries.filter(({ position }) => verdicts.get(position)?.outcome !== "retried");
  if (settled.length === 0) return;
  const id = { pipeline: parts.name, route: route.name };
  const items = parkedItems(lastVersions(settled.map(parkedItem)));
  try {
    await parking.release(id, items);
  } catch (error) {
    parts.logger.warn("marks of parked items not taken off", { ...id, items: items.length, reason: String(error) });
  }
};
