// Writes documents with a routing. If the routing of an item has changed, its document is written at the new place, and
// then a tombstone of the same version at each earlier place. If both places are on one shard, they are one document; a
// message beats a tombstone of the same version, so that the document stays.

import { encodeEach, failed, superseded, type UpsertDelivery, type WriteResult } from "@sluice/core/sink-kit";
import { checkedDocumentId } from "./document-id.ts";
import { findLivePlaces } from "./live-places.ts";
import {
  isRepair,
  type OpensearchRouting,
  type RoutingOf,
  type Routings,
  repairRoutings,
  routingsOf,
} from "./routing.ts";
import type { SendRequest } from "./stored-states.ts";

type Deliveries = readonly UpsertDelivery<object>[];

/** Writes deliveries of different items. `mayMove` has those whose document may replace one of another routing. */
export type WriteWave = (
  batch: Deliveries,
  routingOf: RoutingOf,
  mayMove: ReadonlySet<UpsertDelivery<object>>,
) => Promise<readonly WriteResult[]>;

/** A delivery and the places of its document. */
export interface Placed {
  readonly delivery: UpsertDelivery<object>;
  readonly routings: Routings;
}

/** How to find the places of documents. */
export interface RoutedTarget {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  /** Name of the alias. */
  readonly index: string;
  readonly routing: OpensearchRouting;
  readonly request: SendRequest;
}

/** A batch whose places are known, and the results of the deliveries that are not written. */
export interface PlacedBatch {
  readonly placed: readonly Placed[];
  readonly results: readonly WriteResult[];
}

/**
 * Finds the places of each delivery's document. The results are of deliveries whose document can have no place. A repair
 * that removes a document is superseded if there is no document: no place of it is known.
 */
export const placeBatch = async (
  batch: Deliveries,
  { sink, index, routing, request }: RoutedTarget,
): Promise<PlacedBatch> => {
  const ids = batch.filter(isRepair).flatMap(({ change }) => checkedDocumentId(change.keys)?.id ?? []);
  const live = await findLivePlaces(request, index, ids);
  const placesOf = (delivery: UpsertDelivery<object>): Routings | undefined => {
    if (!isRepair(delivery)) return routingsOf(sink, routing, delivery);
    const found = live.get(checkedDocumentId(delivery.change.keys)?.id ?? "") ?? [];
    return repairRoutings(
      sink,
      routing,
      delivery,
      found.map((place) => place.routing),
    );
  };
  const { entries, results } = encodeEach(batch, (delivery) => ({ delivery, routings: placesOf(delivery) }));
  const placed = entries.flatMap(({ delivery, routings }): Placed[] => (routings ? [{ delivery, routings }] : []));
  const nowhere = entries.filter(({ routings }) => routings === undefined).map(({ delivery }) => superseded(delivery));
  return { placed, results: [...results, ...nowhere] };
};

const nothing: ReadonlySet<UpsertDelivery<object>> = new Set();

/** Writes tombstones at the n-th earlier place of each item. Returns the failures by the delivery of the document. */
const writeDepartures = async (placed: readonly Placed[], level: number, write: WriteWave) => {
  const sources = new Map<UpsertDelivery<object>, Placed>();
  for (const one of placed) {
    if (one.routings.left.length <= level) continue;
    sources.set({ ...one.delivery, message: undefined, earlier: [] }, one);
  }
  const results = await write(
    [...sources.keys()],
    (tombstone) => sources.get(tombstone)?.routings.left[level],
    nothing,
  );
  return results.flatMap((result) => {
    const source = sources.get(result.delivery as UpsertDelivery<object>);
    return result.outcome === "failed" && source !== undefined ? [failed(source.delivery, result.error)] : [];
  });
};

/** Writes a batch by a routing. The result of a delivery is a failure if any of its places could not be written. */
export const writeRouted = async (
  batch: Deliveries,
  { write, ...target }: RoutedTarget & { readonly write: WriteWave },
): Promise<readonly WriteResult[]> => {
  const { placed: entries, results } = await placeBatch(batch, target);
  const places = new Map(entries.map(({ delivery, routings }) => [delivery, routings]));
  const moved = new Set(entries.filter(({ routings }) => routings.left.length > 0).map(({ delivery }) => delivery));
  const written = new Map<unknown, WriteResult>();
  const documents = entries.map(({ delivery }) => delivery);
  for (const result of await write(documents, (delivery) => places.get(delivery)?.current, moved)) {
    written.set(result.delivery, result);
  }
  const isWritten = ({ delivery }: Placed): boolean => written.get(delivery)?.outcome !== "failed";
  const most = Math.max(0, ...entries.map(({ routings }) => routings.left.length));
  for (let level = 0; level < most; level += 1) {
    // A document that could not be written leaves the copy at its earlier place, as without a routing.
    for (const failure of await writeDepartures(entries.filter(isWritten), level, write)) {
      written.set(failure.delivery, failure);
    }
  }
  return [...results, ...written.values()];
};
