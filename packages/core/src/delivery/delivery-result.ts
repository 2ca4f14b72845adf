// The result of a delivery, and the results of a route. Results are immutable: each later step returns new ones.

import { type DeliveryError, isUntried, outcomeOf } from "../errors.ts";
import type { Change } from "../record/change.ts";
import type { WriteResult } from "../sink/sink.ts";
import type { RouteId } from "./dedupe-store.ts";

/** How a delivery ended. Every delivery of an invocation has exactly one outcome. */
export type Outcome = "delivered" | "superseded" | "filtered" | "rejected" | "retried";

/** Result of one delivery. */
export interface DeliveryResult {
  readonly outcome: Outcome;
  readonly error?: DeliveryError;
  /** Number of attempted writes. */
  readonly attempts: number;
  /** The delivery is in the retry queue, so the stream does not have to deliver the record again. */
  readonly isQueued?: true;
  /** The dead letter of a rejected delivery is stored. */
  readonly isStored?: true;
}

/** One change of a batch, at its position among the records that were received. */
export interface BatchEntry {
  readonly position: number;
  readonly change: Change<unknown>;
}

/** Results of a batch by position. */
export type Results = ReadonlyMap<number, DeliveryResult>;

/** Results of one route in one invocation. */
export interface RouteResult {
  /** The route's name. */
  readonly route: string;
  /** Number of deliveries that the route was given. */
  readonly received: number;
  readonly results: Results;
  /** The changes that the route accepts. Other records of the batch were filtered or could not be decoded. */
  readonly entries: readonly BatchEntry[];
  /** Ids of the deliveries that were in the journal; undefined if the route uses no journal for this batch. */
  readonly noted: ReadonlySet<string> | undefined;
  /** When the route was done, in milliseconds since the epoch. */
  readonly endedAt: number;
  readonly durationMs: number;
}

/** Escapes the separator, so that different pairs of names have different texts. */
const escaped = (name: string): string => name.replace(/[%:]/g, encodeURIComponent);

/** The end of the ids of a route's deliveries. It names the pipeline: two pipelines may share a stream and a queue. */
export const idSuffixOf = ({ pipeline, route }: RouteId): string => `:${escaped(pipeline)}:${escaped(route)}`;

/** Id of a delivery. Repeats of the change have the same id. Other changes, routes and pipelines have different ids. */
export const deliveryId = (id: RouteId, eventId: string): string => eventId + idSuffixOf(id);

/** The most common result. All such deliveries share this one object. */
const deliveredAtOnce: DeliveryResult = Object.freeze({ outcome: "delivered", attempts: 1 });

/** Returns the result of a delivery after its last write, which counts only if it could reach the target. */
export const resultOf = (written: WriteResult, attempts: number): DeliveryResult => {
  if (written.outcome === "delivered" && attempts === 1) return deliveredAtOnce;
  if (written.outcome !== "failed") return { outcome: written.outcome, attempts };
  const { error } = written;
  return {
    outcome: outcomeOf(error.code) === "reject" ? "rejected" : "retried",
    error,
    attempts: isUntried(error) ? attempts - 1 : attempts,
  };
};

/** Returns `results`, with the results in `changed` put in at their positions. */
export const withResults = (results: Results, changed: Results): Results =>
  changed.size === 0 ? results : new Map([...results, ...changed]);

/** Returns the results after `change`. If `change` returns undefined, the result stays the same. */
export const changeResults = (
  results: Results,
  change: (result: DeliveryResult, position: number) => DeliveryResult | undefined,
): Results => {
  const changed = new Map<number, DeliveryResult>();
  for (const [position, result] of results) {
    const next = change(result, position);
    if (next !== undefined) changed.set(position, next);
  }
  return withResults(results, changed);
};

/** Sorts entries of one item by version. */
export const byVersion = (a: BatchEntry, b: BatchEntry): number =>
  a.change.version < b.change.version ? -1 : a.change.version > b.change.version ? 1 : a.position - b.position;
