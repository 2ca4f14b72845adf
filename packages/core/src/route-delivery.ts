// One batch on its way to one route: what the route does not take, what it has delivered before, and the rest.

import type { Origin } from "./change.ts";
import { claimingSink } from "./claiming-sink.ts";
import type { Clock, Deadline } from "./deadline.ts";
import type { DedupeStore } from "./dedupe.ts";
import { deliver } from "./deliver.ts";
import type { Received } from "./event.ts";
import { type Noting, notedBefore, notesOf, take } from "./journal.ts";
import { type Entry, idOf, type Verdict } from "./lane.ts";
import type { RouteVerdicts } from "./report.ts";
import type { RetryPolicy } from "./retry.ts";
import type { Route } from "./route.ts";
import type { Sink } from "./sink.ts";
import type { PipelineLogger } from "./telemetry.ts";

/** What a route's delivery needs of its pipeline and of the invocation. */
export interface DeliveryParts {
  readonly event: { readonly origin: Origin };
  readonly deadline: Deadline;
  readonly parts: {
    readonly name: string;
    readonly clock: Clock;
    readonly retry: RetryPolicy;
    readonly logger: PipelineLogger;
    readonly dedupeStore: DedupeStore | undefined;
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

/** A journal is of the stream: only there a batch comes again from a record on. */
const notingOf = (route: Route, { parts, event, deadline }: DeliveryParts): Noting | undefined => {
  if (route.dedupe !== "on-failure" || event.origin !== "stream" || parts.dedupeStore === undefined) return undefined;
  const id = { pipeline: parts.name, route: route.name };
  return { journal: parts.dedupeStore.journal, id, logger: parts.logger, deadline };
};

interface Sorted {
  readonly entries: Entry[];
  /** Verdicts that need no delivery. */
  readonly settled: [position: number, verdict: Verdict][];
}

/** The records for this route. Of malformed ones nothing can be sent. */
const sorted = (route: Route, received: readonly Received[], origin: Origin): Sorted => {
  const entries: Entry[] = [];
  const settled: Sorted["settled"] = [];
  const isTaken = route.origins.has(origin);
  received.forEach(({ change, error, envelope }, position) => {
    if (envelope !== undefined && envelope.sink !== route.name) return;
    if (change === undefined && error === undefined) return;
    if (!isTaken) settled.push([position, filtered]);
    else if (change !== undefined) entries.push({ position, change });
    else if (error !== undefined) settled.push([position, { outcome: "rejected", error, tries: 0 }]);
  });
  return { entries, settled };
};

/** The verdicts of one route, malformed records rejected before any delivery. */
export const deliverTo = async (
  route: Route,
  received: readonly Received[],
  invocation: DeliveryParts,
): Promise<RouteDelivery> => {
  const { parts, deadline, event } = invocation;
  const { entries, settled } = sorted(route, received, event.origin);
  const noting = notingOf(route, invocation);
  const known = noting === undefined ? nothingKnown : await notedBefore(noting, entries);
  const isKnown = ({ change }: Entry): boolean => known.has(idOf(route.name, change.eventId));
  const fresh = known.size === 0 ? entries : entries.filter((entry) => !isKnown(entry));
  const verdicts = await deliver(route, fresh, { deadline, clock: parts.clock, retry: parts.retry });
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
