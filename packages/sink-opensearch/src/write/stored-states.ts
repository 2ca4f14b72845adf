// Reads the stored versions of documents by their ids. A search would miss recent writes.

import { isRecord } from "@sluice/core/sink-kit";
import type { OpensearchRequest } from "../client/client.ts";
import { guardField } from "./guard.ts";
import type { RecentWrite } from "./recent-writes.ts";

/** Sends a request, and returns the body of its answer. */
export type SendRequest = (request: OpensearchRequest) => Promise<unknown>;

/** The state of a place: a document, none, or unknown because the server could not read it. */
export type StoredState = RecentWrite | "none" | "unreadable";

interface Fetched {
  readonly error?: unknown;
  readonly found?: boolean;
  readonly _seq_no?: number;
  readonly _primary_term?: number;
  readonly _source?: { readonly [guardField]?: { readonly version?: unknown; readonly deleted?: unknown } };
}

const stateOf = (found: Fetched | undefined): StoredState => {
  if (!isRecord(found) || found.error !== undefined) return "unreadable";
  const { _source, _seq_no: seqNo, _primary_term: primaryTerm } = found as Fetched;
  if (found.found !== true) return "none";
  const { version, deleted } = _source?.[guardField] ?? {};
  // A document of another writer has no version, and is older than any change.
  const state = { version: typeof version === "string" ? version : "", mayBeTombstone: deleted === true };
  return seqNo === undefined || primaryTerm === undefined
    ? state
    : { ...state, sequenceNumber: { seqNo, primaryTerm } };
};

/** Reads the states of places in an index. @throws {SinkError} when the request fails. */
export const readStates = async (
  request: SendRequest,
  index: string,
  places: readonly string[],
): Promise<readonly StoredState[]> => {
  const answer = (await request({
    method: "POST",
    path: `/${encodeURIComponent(index)}/_mget`,
    querystring: `_source_includes=${guardField}.version,${guardField}.deleted`,
    body: `{"docs":[${places.map((place) => `{"_id":${place}}`).join(",")}]}`,
  })) as { readonly docs?: readonly Fetched[] };
  return places.map((_, at) => stateOf(answer.docs?.[at]));
};
