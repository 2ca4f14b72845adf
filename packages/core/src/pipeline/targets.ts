// What the targets of a pipeline should hold of an item, for programs that compare the targets with the table.

import { effectOf, type SharedRoute, sharedRoutes } from "../delivery/route.ts";
import { RecordError } from "../errors.ts";
import { type Received, receive } from "../intake/received.ts";
import type { Change, StreamRecord } from "../record/change.ts";
import { sourceReader } from "../record/source.ts";
import type { Sink, UpsertDelivery } from "../sink/sink.ts";
import type { PipelineSettings } from "./options.ts";

/** What a target should hold of an item. */
export interface Expectation {
  /** The route that writes the item's copy. Without a copy: the first route of the target. */
  readonly route: string;
  readonly sink: Sink<unknown, "upsert">;
  /** As the sink's `read` and `canonical` take it. Without a message, the target should have no copy of the item. */
  readonly delivery: UpsertDelivery<unknown>;
  /** The reason why the pipeline rejects the item. What the target should hold is then unknown. */
  readonly error?: RecordError;
}

/** A target of a pipeline's upsert routes. */
export interface PipelineTarget {
  /** Names of the routes that write the target, in the order of the pipeline. */
  readonly routes: readonly string[];
  /** The sink of the first route. */
  readonly sink: Sink<unknown, "upsert">;
  /** False if a route keeps or marks the copies of removed items. A copy of an item that is gone may then be right. */
  readonly deletesRemoved: boolean;
  /** Whether every route accepts backfills, and so the repair of a copy. */
  readonly acceptsBackfills: boolean;
  /**
   * Returns what the target should hold of an item. Call it with a record as a backfill would send it: an `INSERT` with the
   * item as its new image, or a `REMOVE` for an item that does not exist.
   * @throws {RecordError} RECORD_FOREIGN when the record is of a table that the pipeline does not replicate, RECORD_MALFORMED
   * when it cannot be decoded.
   */
  readonly expect: (record: StreamRecord) => Expectation;
}

type UpsertRoute = SharedRoute & { readonly sink: Sink<unknown, "upsert"> };

const isUpsert = (route: SharedRoute): route is UpsertRoute => route.sink.supports.writes === "upsert";

const changeOf = ({ change, error }: Received): Change => {
  if (change !== undefined) return change as Change;
  throw error ?? new RecordError("RECORD_MALFORMED", "the record could not be decoded; expected a stream record");
};

const deliveryOf = (change: Change, message: unknown): UpsertDelivery<unknown> => ({
  change,
  message,
  earlier: [],
});

/** Asks the routes of a target in their order, as an invocation would. The first one with a message writes the item. */
const expectationOf = (routes: readonly UpsertRoute[], received: Received): Expectation => {
  const change = changeOf(received);
  let rejection: Expectation | undefined;
  for (const route of routes) {
    const { name, sink } = route;
    const effect = received.isUnchanged ? undefined : effectOf(route, change);
    if (effect?.kind === "write") return { route: name, sink, delivery: deliveryOf(change, effect.message) };
    if (effect?.kind !== "reject") continue;
    rejection ??= { route: name, sink, delivery: deliveryOf(change, undefined), error: effect.error };
  }
  const [first] = routes as readonly [UpsertRoute];
  return rejection ?? { route: first.name, sink: first.sink, delivery: deliveryOf(change, undefined) };
};

const targetOf = (settings: PipelineSettings, routes: readonly UpsertRoute[]): PipelineTarget => {
  const { schema, source, clock } = settings;
  const [first] = routes as readonly [UpsertRoute];
  const reader = sourceReader(source, clock);
  return {
    routes: routes.map(({ name }) => name),
    sink: first.sink,
    deletesRemoved: routes.every(({ removals }) => removals.byTtl === "delete" && removals.otherwise === "delete"),
    acceptsBackfills: routes.every(({ origins }) => origins.has("backfill")),
    expect: (record) => {
      const reception = { source: reader, schema, now: clock.now() };
      return expectationOf(routes, receive(record, { source: 0, origin: "backfill", envelope: undefined }, reception));
    },
  };
};

/** Returns the targets of a pipeline's upsert routes. Routes with one target are one entry. */
export const targetsOf = (settings: PipelineSettings): PipelineTarget[] => {
  const upserts = sharedRoutes(settings.routes).filter(isUpsert);
  return upserts
    .filter(({ before }) => before.length === 0)
    .map((first) =>
      targetOf(
        settings,
        upserts.filter(({ name, before }) => name === first.name || before.some((one) => one.name === first.name)),
      ),
    );
};
