// Writes documents with a routing. If the routing of an item has changed, its document is written at the new place, and
// then a tombstone of the same version at each earlier place. If both places are on one shard, they are one document; a
// message beats a tombstone of the same version, so that the document stays.

import { encodeEach, failed, type UpsertDelivery, type WriteResult } from "@sluice/core/sink-kit";
import { type OpensearchRouting, type RoutingOf, type Routings, routingsOf } from "./routing.ts";

type Deliveries = readonly UpsertDelivery<object>[];

/** Writes deliveries of different items. `mayMove` has those whose document may replace one of another routing. */
export type WriteWave = (
  batch: Deliveries,
  routingOf: RoutingOf,
  mayMove: ReadonlySet<UpsertDelivery<object>>,
) => Promise<readonly WriteResult[]>;

interface Placed {
  readonly delivery: UpsertDelivery<object>;
  readonly routings: Routings;
}

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
  { sink, routing, write }: { readonly sink: string; readonly routing: OpensearchRouting; readonly write: WriteWave },
): Promise<readonly WriteResult[]> => {
  const { entries, results } = encodeEach(
    batch,
    (delivery): Placed => ({
      delivery,
      routings: routingsOf(sink, routing, delivery),
    }),
  );
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
