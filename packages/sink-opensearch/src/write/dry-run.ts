// Predicts the results of a write from the stored versions. Reads from the write index, because OpenSearch refuses reads
// by id from an alias of several indices.

import { delivered, type EncodedBatch, failed, SinkError, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { BulkEntry } from "../encode.ts";
import type { Indices } from "../schema/index-state.ts";
import { type BulkTarget, splitToRequests } from "./bulk.ts";
import { isAsNew } from "./recent-writes.ts";
import { readStates, type SendRequest, type StoredState } from "./stored-states.ts";

/** The target of a dry run. */
export interface DryRunTarget extends Pick<BulkTarget, "sink" | "limits"> {
  /** Name of the alias. */
  readonly index: string;
  readonly request: SendRequest;
}

const indexBehind = async ({ sink, index, request }: DryRunTarget): Promise<string> => {
  const found = (await request({ method: "GET", path: `/_alias/${encodeURIComponent(index)}` })) as Indices;
  const names = Object.keys(found);
  const writer = names.length === 1 ? names[0] : names.find((name) => found[name]?.aliases?.[index]?.is_write_index);
  if (writer !== undefined) return writer;
  throw new SinkError("SINK_MISSING", `[${sink}] alias "${index}" has no write index; ensure() sets one`);
};

/** Returns the result that the guard's script would give. */
const resultOf = (sink: string, { delivery }: BulkEntry, held: StoredState | undefined): WriteResult => {
  if (held === undefined || held === "unreadable") {
    return failed(delivery, new SinkError("SINK_UNAVAILABLE", `[${sink}] a document could not be read`));
  }
  if (held === "none") return delivery.onlyIfPresent ? superseded(delivery) : delivered(delivery);
  const isSuperseded = isAsNew(held, delivery.change.version, delivery.message !== undefined);
  return isSuperseded ? superseded(delivery) : delivered(delivery);
};

/**
 * Predicts a write's results. OpenSearch cannot be asked if a mapping or a pipeline takes a document, so a document that
 * would be refused for its values counts as delivered.
 */
export const dryRunBatch = async (
  { entries, results }: EncodedBatch<BulkEntry>,
  target: DryRunTarget,
): Promise<readonly WriteResult[]> => {
  if (entries.length === 0) return results;
  const found: WriteResult[] = [];
  const index = await indexBehind(target);
  for (const part of splitToRequests(entries, target.limits)) {
    const places = part.map(({ place }) => place);
    const states = await readStates(target.request, index, places);
    found.push(...part.map((entry, at) => resultOf(target.sink, entry, states[at])));
  }
  return [...results, ...found];
};
