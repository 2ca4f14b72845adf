// Writes documents whose script must not run: a script bypasses the ingest pipelines of the index, and keeps the routing
// of the document that it replaces. Reads the stored versions first, and then uses `create` or `index`. If another
// writer was faster, the document is read again.

import {
  chunk,
  encodeEach,
  failed,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { deliveryPlace, type EncodeOptions, encodeBatch } from "../encode.ts";
import { type BulkTarget, writeBatch } from "./bulk.ts";
import { isAsNew, type RecentWrite } from "./recent-writes.ts";
import { readStates, type SendRequest } from "./stored-states.ts";

/** The target, and how to read from it. */
export interface KnownTarget extends Omit<BulkTarget, "encode" | "encodeByScript" | "encodeLast"> {
  /** Name of the alias. */
  readonly index: string;
  readonly request: SendRequest;
  readonly encodeOptions: EncodeOptions;
}

type Deliveries = readonly UpsertDelivery<object>[];

/** How often a document is read again because another writer was faster. */
const maxRounds = 6;

/** Reads the states of the documents. The results are of deliveries that need no write, or cannot be written. */
const readKnown = async (batch: Deliveries, { sink, index, request, encodeOptions, limits }: KnownTarget) => {
  const known = new Map<string, RecentWrite>();
  const results: WriteResult[] = [];
  const left: UpsertDelivery<object>[] = [];
  const placed = encodeEach(batch, (delivery) => ({ delivery, place: deliveryPlace(delivery, encodeOptions) }));
  results.push(...placed.results);
  for (const part of chunk(placed.entries, { maxEntries: limits.maxEntries })) {
    const places = part.map(({ place }) => place);
    const states = await readStates(request, index, places);
    for (const [at, { delivery, place }] of part.entries()) {
      const state = states[at] ?? "unreadable";
      if (state === "unreadable") {
        results.push(failed(delivery, new SinkError("SINK_UNAVAILABLE", `[${sink}] a document could not be read`)));
      } else if (state === "none") left.push(delivery);
      else if (isAsNew(state, delivery.change.version, true)) results.push(superseded(delivery));
      else {
        known.set(place, state);
        left.push(delivery);
      }
    }
  }
  return { known, results, left };
};

const writeRound = async (batch: Deliveries, target: KnownTarget) => {
  const { known, results, left } = await readKnown(batch, target);
  const conflicts: UpsertDelivery<object>[] = [];
  const options = { ...target.encodeOptions, known };
  const written = await writeBatch(left, {
    ...target,
    encode: (slice) => encodeBatch(slice, options),
    encodeByScript: (undecided) => {
      conflicts.push(...undecided);
      return { entries: [], results: [] };
    },
    encodeLast: (again) => encodeBatch(again, { ...options, isLast: true }),
  });
  return { results: [...results, ...written], conflicts };
};

/** Writes deliveries with messages, and returns a result for each. All deliveries must be of different items. */
export const writeKnown = async (batch: Deliveries, target: KnownTarget): Promise<readonly WriteResult[]> => {
  const results: WriteResult[] = [];
  let left = batch;
  for (let round = 0; left.length > 0 && round < maxRounds; round += 1) {
    const { results: found, conflicts } = await writeRound(left, target);
    results.push(...found);
    left = conflicts;
  }
  const conflict = () =>
    new SinkError("SINK_CONFLICT", `[${target.sink}] other writers changed the document each time`);
  return [...results, ...left.map((delivery) => failed(delivery, conflict()))];
};
