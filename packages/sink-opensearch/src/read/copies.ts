// Reads what the index holds of source items, for the comparison of the index with the source.

import {
  type CopyContent,
  chunk,
  eachBounded,
  type HeldCopy,
  SinkError,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import { documentPlace } from "../encode.ts";
import { checkedDocumentId } from "../write/document-id.ts";
import { findLivePlaces, guardOf, type LivePlace, versionIn } from "../write/live-places.ts";
import { type KnownRouting, knownRouting, type OpensearchRouting } from "../write/routing.ts";
import type { SendRequest } from "../write/stored-states.ts";
import { contentOf, withRoutings } from "./content.ts";

/** The index to read from. */
export interface ReadTarget {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  /** Name of the alias. */
  readonly index: string;
  readonly routing: OpensearchRouting | undefined;
  /** Maximum number of requests in flight. */
  readonly concurrency: number;
  readonly request: SendRequest;
}

/** Maximum number of documents in one answer. A copy of an item has up to 400 KB, or more. */
const maxDocuments = 100;

interface Fetched {
  readonly found?: boolean;
  readonly _routing?: string;
  readonly _source?: object;
  readonly error?: { readonly type?: string };
}

interface StoredDocument extends LivePlace {
  readonly isRemoved: boolean;
  readonly source: object;
}

const documentIn = (sink: string, { error, found, _routing: routing, _source: source = {} }: Fetched) => {
  // Without a routing, an index that requires one has no such document.
  if (error?.type === "routing_missing_exception") return undefined;
  if (error !== undefined || found === undefined) {
    const code = error?.type === "index_not_found_exception" ? "SINK_MISSING" : "SINK_UNAVAILABLE";
    throw new SinkError(code, `[${sink}] a document could not be read`);
  }
  if (!found) return undefined;
  const guard = guardOf(source);
  // OpenSearch takes "true" for true, so the alias's filter hides both.
  const isRemoved = guard.deleted === true || guard.deleted === "true";
  return { routing, version: versionIn(guard), isRemoved, source };
};

/** Reads the documents at places: in real time, and also those that the alias's filter hides. */
const fetchDocuments = async (
  { sink, index, concurrency, request }: ReadTarget,
  places: readonly string[],
): Promise<ReadonlyMap<string, StoredDocument>> => {
  const found = new Map<string, StoredDocument>();
  await eachBounded(chunk(places, { maxEntries: maxDocuments }), concurrency, async (part) => {
    const path = `/${encodeURIComponent(index)}/_mget`;
    const body = `{"docs":[${part.map((place) => `{"_id":${place}}`).join()}]}`;
    const { docs = [] } = (await request({ method: "POST", path, body })) as { readonly docs?: readonly Fetched[] };
    for (const [at, place] of part.entries()) {
      const document = documentIn(sink, docs[at] ?? {});
      if (document !== undefined) found.set(place, document);
    }
  });
  return found;
};

/** Where a delivery's document may be. */
interface Located {
  readonly id: string;
  /** Where the document belongs; undefined if the record does not tell. */
  readonly place: string | undefined;
  /** The routing of the place; undefined if OpenSearch routes by the `_id`. */
  readonly routing?: string | undefined;
}

const routingOrNone = (sink: string, routing: OpensearchRouting, delivery: UpsertDelivery<object>): KnownRouting => {
  try {
    return knownRouting(sink, routing, delivery);
  } catch (error) {
    // A document whose routing is refused has no place, but a former one may be elsewhere.
    if (error instanceof SinkError && error.code === "SINK_REJECTED") return undefined;
    throw error;
  }
};

const locate = ({ sink, routing }: ReadTarget, delivery: UpsertDelivery<object>): Located | undefined => {
  const found = checkedDocumentId(delivery.change.keys);
  if (found === undefined) return undefined;
  const { id } = found;
  if (routing === undefined) return { id, place: documentPlace(id, undefined) };
  const known = routingOrNone(sink, routing, delivery);
  return { id, place: known && documentPlace(id, known.routing), routing: known?.routing };
};

const newest = (versions: readonly string[]): string => [...versions].sort().at(-1) ?? "";

/** What is known of an item's documents. `live` has those that a search found. */
interface Documents {
  readonly own: StoredDocument | undefined;
  /** The routing by which `own` was found. It may have been stored with another routing that leads to the same shard. */
  readonly routing: string | undefined;
  readonly live: readonly LivePlace[];
  /** The content of a live document that is not where it belongs. */
  readonly elsewhere: CopyContent | undefined;
}

/** Live documents at other places than the item's own, which was read later. */
const livePlacesBeside = (own: StoredDocument | undefined, live: readonly LivePlace[]): readonly LivePlace[] =>
  live.filter(({ routing }) => own === undefined || own.routing !== routing);

/**
 * Returns what the index holds of an item. If several places show a document, the version is the newest of theirs, so that
 * a repair with a newer version replaces or removes each of them.
 */
const heldOf = ({ own, routing: ownRouting, live, elsewhere }: Documents, isRouted: boolean): HeldCopy | undefined => {
  const others = livePlacesBeside(own, live);
  const shown: readonly LivePlace[] = own === undefined || own.isRemoved ? others : [own, ...others];
  if (shown.length === 0) return own && { version: own.version, state: "removed" };
  const content = own === undefined || own.isRemoved ? elsewhere : contentOf(own.source);
  const version = newest([...shown, ...(own === undefined ? [] : [own])].map((one) => one.version));
  if (!isRouted) return { version, state: "live", content: content ?? {} };
  return {
    version,
    state: "live",
    content: withRoutings(
      content ?? {},
      shown.map((one) => (one === own ? ownRouting : one.routing)),
    ),
  };
};

/** Reads what the index holds of each delivery's item. @throws {SinkError} when a request fails. */
export const readCopies = async (
  batch: readonly UpsertDelivery<object>[],
  target: ReadTarget,
): Promise<readonly (HeldCopy | undefined)[]> => {
  const located = batch.map((delivery) => locate(target, delivery));
  const isRouted = target.routing !== undefined;
  const ids = isRouted ? located.flatMap((one) => one?.id ?? []) : [];
  const live = await findLivePlaces(target.request, target.index, ids);
  const documents = await fetchDocuments(
    target,
    located.flatMap((one) => one?.place ?? []),
  );
  const ownOf = ({ place }: Located): StoredDocument | undefined =>
    place === undefined ? undefined : documents.get(place);
  const placeElsewhere = (one: Located): string | undefined => {
    const own = ownOf(one);
    if (own !== undefined && !own.isRemoved) return undefined;
    const [first] = livePlacesBeside(own, live.get(one.id) ?? []);
    return first && documentPlace(one.id, first.routing);
  };
  const strays = located.flatMap((one) => (one && placeElsewhere(one)) ?? []);
  const found = await fetchDocuments(target, strays);
  return located.map((one) => {
    if (one === undefined) return undefined;
    const stray = found.get(placeElsewhere(one) ?? "");
    const elsewhere = stray && contentOf(stray.source);
    const { id, routing } = one;
    return heldOf({ own: ownOf(one), routing, live: live.get(id) ?? [], elsewhere }, isRouted);
  });
};
