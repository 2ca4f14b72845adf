// Lists the live documents of the index, page by page. A part of the list is some shards of the index. Within a shard each
// document has another sequence number, and a document that is written again gets a greater one. So documents in the order
// of their sequence numbers are read without a point in time: none is missed, and the last number is where the next page
// starts, however long ago the page before was read.

import { type HeldKey, type KeysPage, type KeysRequest, SinkError } from "@sluice/core/sink-kit";
import { guardField } from "../write/guard.ts";
import { guardOf, hitsIn, maxHits, refresh, versionIn } from "../write/live-places.ts";
import type { SendRequest } from "../write/stored-states.ts";
import { sourceKeys } from "./source-keys.ts";

/** The index to list. */
export interface ListedIndex {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  /** Name of the alias. */
  readonly index: string;
  /** Number of primary shards; 0 if the alias leads to no index. */
  readonly shards: number;
  readonly request: SendRequest;
}

/** Where a page starts: after a sequence number in a shard. */
interface Position {
  readonly shard: number;
  readonly seqNo: number;
}

/** Sequence numbers begin at 0. */
const beforeAll = -1;

const positionOf = (sink: string, { after, part }: KeysRequest): Position => {
  if (after === undefined) return { shard: part, seqNo: beforeAll };
  const [, shard, seqNo] = /^(\d{1,9}):(-1|\d{1,16})$/.exec(after) ?? [];
  if (shard !== undefined) return { shard: Number(shard), seqNo: Number(seqNo) };
  throw new SinkError(
    "SINK_REJECTED",
    `[${sink}] "after" is not the end of a page; expected "next" of the page before`,
  );
};

const textOf = ({ shard, seqNo }: Position): string => `${shard}:${seqNo}`;

const readPage = async ({ index, request }: ListedIndex, { shard, seqNo }: Position, size: number) => {
  const answer = await request({
    method: "POST",
    path: `/${encodeURIComponent(index)}/_search`,
    querystring: `preference=_shards:${shard}&allow_partial_search_results=false`,
    body: JSON.stringify({
      ...{ size, track_total_hits: false, sort: [{ _seq_no: "asc" }], search_after: [seqNo] },
      _source: [`${guardField}.version`, `${guardField}.key`],
    }),
  });
  return hitsIn(answer);
};

/** Reads one page of the live documents. @throws {SinkError} when a request fails. */
export const listKeys = async (target: ListedIndex, asked: KeysRequest): Promise<KeysPage> => {
  const { sink, index, shards, request } = target;
  if (shards < 1)
    throw new SinkError("SINK_MISSING", `[${sink}] alias "${index}" leads to no index; ensure() creates one`);
  const position = positionOf(sink, asked);
  const { shard } = position;
  if (shard >= shards) return { keys: [], next: undefined };
  // A search finds only what was written before the last refresh.
  if (position.seqNo === beforeAll) await refresh(request, index);
  const size = Math.min(asked.limit, maxHits);
  const hits = await readPage(target, position, size);
  const keys = hits.map(({ _id: id, _source }): HeldKey => {
    const guard = guardOf(_source);
    return { keys: sourceKeys(id, guard.key, asked.keyTypes), version: versionIn(guard) };
  });
  const last = hits.at(-1)?.sort?.[0];
  if (hits.length === size && last !== undefined) return { keys, next: textOf({ shard, seqNo: Number(last) }) };
  const following = shard + asked.parts;
  return { keys, next: following < shards ? textOf({ shard: following, seqNo: beforeAll }) : undefined };
};
