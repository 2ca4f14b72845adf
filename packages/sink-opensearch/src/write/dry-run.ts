// Predicts the results of a write from the stored versions. Reads documents by id, because a search would miss recent
// writes. Reads from the write index, because OpenSearch refuses reads by id from an alias of several indices.

import { delivered, type EncodedBatch, failed, SinkError, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { OpensearchRequest } from "../client/client.ts";
import type { BulkEntry } from "../encode.ts";
import type { Indices } from "../schema/ensure.ts";
import { type BulkTarget, splitToRequests } from "./bulk.ts";
import { guardField } from "./guard.ts";
import { isAsNew } from "./recent-writes.ts";

/** The target of a dry run. */
export interface DryRunTarget extends Pick<BulkTarget, "sink" | "limits"> {
  /** Name of the alias. */
  readonly index: string;
  /** Sends a request, and returns the body of its answer. */
  readonly request: (request: OpensearchRequest) => Promise<unknown>;
}

interface Fetched {
  readonly error?: unknown;
  readonly found?: boolean;
  readonly _source?: { readonly [guardField]?: { readonly version?: unknown; readonly deleted?: unknown } };
}

const writeIndexOf = async ({ sink, index, request }: DryRunTarget): Promise<string> => {
  const found = (await request({ method: "GET", path: `/_alias/${encodeURIComponent(index)}` })) as Indices;
  const names = Object.keys(found);
  const writer = names.length === 1 ? names[0] : names.find((name) => found[name]?.aliases?.[index]?.is_write_index);
  if (writer !== undefined) return writer;
  throw new SinkError("SINK_MISSING", `[${sink}] alias "${index}" has no write index; ensure() sets one`);
};

/** Returns the result that the guard's script would give. */
const resultOf = (sink: string, { delivery }: BulkEntry, found: Fetched | undefined): WriteResult => {
  if (found === undefined || found.error !== undefined) {
    return failed(delivery, new SinkError("SINK_UNAVAILABLE", `[${sink}] a document could not be read`));
  }
  if (found.found === false && delivery.onlyIfPresent) return superseded(delivery);
  const { version, deleted } = found._source?.[guardField] ?? {};
  if (typeof version !== "string") return delivered(delivery);
  const held = { version, mayBeTombstone: deleted === true };
  const isSuperseded = isAsNew(held, delivery.change.version, delivery.message !== undefined);
  return isSuperseded ? superseded(delivery) : delivered(delivery);
};

/** Predicts a write's results. Does not predict refusals: a bad document with a new version counts as delivered. */
export const dryRunBatch = async (
  { entries, results }: EncodedBatch<BulkEntry>,
  target: DryRunTarget,
): Promise<readonly WriteResult[]> => {
  if (entries.length === 0) return results;
  const found: WriteResult[] = [];
  const path = `/${encodeURIComponent(await writeIndexOf(target))}/_mget`;
  for (const part of splitToRequests(entries, target.limits)) {
    const body = `{"ids":[${part.map(({ idText }) => idText).join(",")}]}`;
    const querystring = `_source_includes=${guardField}.version,${guardField}.deleted`;
    const { docs = [] } = (await target.request({ method: "POST", path, querystring, body })) as { docs?: Fetched[] };
    found.push(...part.map((entry, index) => resultOf(target.sink, entry, docs[index])));
  }
  return [...results, ...found];
};
