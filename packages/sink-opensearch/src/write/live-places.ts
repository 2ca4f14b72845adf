// Finds every place of a document: searches for its `_id` on all shards. This is for verifications and repairs, whose
// records do not tell where an item was before.

import { chunk, isRecord } from "@sluice/core/sink-kit";
import { guardField } from "./guard.ts";
import type { SendRequest } from "./stored-states.ts";

/** A live document that a search found. */
export interface LivePlace {
  /** Undefined: OpenSearch routed the document by its `_id`. */
  readonly routing: string | undefined;
  /** The version in the guard; empty if another program wrote the document. */
  readonly version: string;
}

/** The live documents of each `_id`. */
export type LivePlaces = ReadonlyMap<string, readonly LivePlace[]>;

/** Maximum number of ids in a search. */
const maxIds = 1_000;

/** OpenSearch's default limit of the hits of a search (`index.max_result_window`). */
export const maxHits = 10_000;

interface SearchHit {
  readonly _id: string;
  readonly _routing?: string;
  readonly _source?: unknown;
  readonly sort?: readonly unknown[];
}

/** Returns the hits of the answer to a search. */
export const hitsIn = (answer: unknown): readonly SearchHit[] => {
  const hits = isRecord(answer) && isRecord(answer.hits) ? answer.hits.hits : undefined;
  return Array.isArray(hits) ? (hits as SearchHit[]) : [];
};

/** Returns the guard of a document; an empty object if it has none. */
export const guardOf = (source: unknown): Readonly<Record<string, unknown>> => {
  const guard = isRecord(source) ? source[guardField] : undefined;
  return isRecord(guard) ? guard : {};
};

/** Returns the version in a guard. A document of another writer has no version, and is older than any change. */
export const versionIn = ({ version }: Readonly<Record<string, unknown>>): string =>
  typeof version === "string" ? version : "";

/** Makes the next search find every document that has been written. */
export const refresh = (request: SendRequest, index: string): Promise<unknown> =>
  request({ method: "POST", path: `/${encodeURIComponent(index)}/_refresh` });

/** Finds the live documents with these ids, after a refresh. @throws {SinkError} when a request fails. */
export const findLivePlaces = async (
  request: SendRequest,
  index: string,
  ids: readonly string[],
): Promise<LivePlaces> => {
  const found = new Map<string, LivePlace[]>();
  if (ids.length === 0) return found;
  await refresh(request, index);
  for (const values of chunk([...new Set(ids)], { maxEntries: maxIds })) {
    const answer = await request({
      method: "POST",
      path: `/${encodeURIComponent(index)}/_search`,
      querystring: "allow_partial_search_results=false",
      body: JSON.stringify({ size: maxHits, _source: [`${guardField}.version`], query: { ids: { values } } }),
    });
    for (const { _id: id, _routing: routing, _source } of hitsIn(answer)) {
      const place = { routing, version: versionIn(guardOf(_source)) };
      found.set(id, [...(found.get(id) ?? []), place]);
    }
  }
  return found;
};
