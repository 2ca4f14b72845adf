// What a write would do, by the versions that the documents hold. Fetched by id, which is up to the moment, and from the
// index that the alias writes to: an alias of several indices answers no such request.

import { delivered, failed, SinkError, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { Answer, OpensearchRequest } from "../client/client.ts";
import type { Encoded, Entry } from "../encode.ts";
import { type BulkTarget, cut } from "./bulk.ts";
import { guardField } from "./guard.ts";

/** Where a dryRun looks. */
export interface PeekTarget extends Pick<BulkTarget, "sink" | "limits"> {
  /** The alias. */
  readonly index: string;
  readonly ask: (request: OpensearchRequest) => Promise<Answer>;
}

interface Aliased {
  readonly [index: string]: { readonly aliases?: { readonly [alias: string]: { readonly is_write_index?: boolean } } };
}

interface Fetched {
  readonly error?: unknown;
  readonly _source?: { readonly [guardField]?: { readonly version?: unknown } };
}

const bodyOf = async ({ ask }: PeekTarget, request: OpensearchRequest): Promise<unknown> => {
  const answer = await ask(request);
  if ("failure" in answer) throw answer.failure.error;
  return answer.body;
};

const writeIndexOf = async (target: PeekTarget): Promise<string> => {
  const { sink, index } = target;
  const found = (await bodyOf(target, { method: "GET", path: `/_alias/${encodeURIComponent(index)}` })) as Aliased;
  const names = Object.keys(found);
  const writer = names.length === 1 ? names[0] : names.find((name) => found[name]?.aliases?.[index]?.is_write_index);
  if (writer !== undefined) return writer;
  throw new SinkError("SINK_MISSING", `[${sink}] alias "${index}" has no write index; ensure() sets one`);
};

/** As the guard's script decides. */
const settlementOf = (sink: string, { delivery }: Entry, found: Fetched | undefined): WriteResult => {
  if (found === undefined || found.error !== undefined) {
    return failed(delivery, new SinkError("SINK_UNAVAILABLE", `[${sink}] a document could not be looked at`));
  }
  const held = found._source?.[guardField]?.version;
  return typeof held === "string" && held >= delivery.change.version ? superseded(delivery) : delivered(delivery);
};

/** Answers what writing the deliveries would. What only the server refuses, such as a field's type, it cannot tell. */
export const peekBatch = async (encoded: Encoded, target: PeekTarget): Promise<readonly WriteResult[]> => {
  const { settled, parts } = cut(encoded, target);
  const results = [...settled];
  if (parts.length === 0) return results;
  const path = `/${encodeURIComponent(await writeIndexOf(target))}/_mget`;
  for (const part of parts) {
    const body = `{"ids":[${part.map(({ idText }) => idText).join(",")}]}`;
    const querystring = `_source_includes=${guardField}.version`;
    const { docs = [] } = (await bodyOf(target, { method: "POST", path, querystring, body })) as { docs?: Fetched[] };
    results.push(...part.map((entry, index) => settlementOf(target.sink, entry, docs[index])));
  }
  return results;
};
