// Writes a batch by bulk requests within the limits, a few at once, and matches each result to its entry. If the cheap
// action of an entry fails its condition, the entry is sent again with the guard's script. While the server handles one
// slice of the batch, the next slice is encoded.

import { setImmediate } from "node:timers/promises";
import {
  chunk,
  type DeliveryError,
  delivered,
  type EncodedBatch,
  failAll,
  failed,
  halves,
  notStarted,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { type BulkItem, itemError } from "../classify.ts";
import type { OpensearchAnswer } from "../client/request.ts";
import { type Action, type BulkEntry, bodyOf } from "../encode.ts";

type BulkPart = readonly BulkEntry[];
type DocumentDelivery = UpsertDelivery<object>;
type DocumentBatch = readonly DocumentDelivery[];
type EncodeDocuments = (batch: DocumentBatch) => EncodedBatch<BulkEntry>;

/** The target of a batch, with the limits and functions that writing needs. */
export interface BulkTarget {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  readonly limits: { readonly maxEntries: number; readonly maxBytes: number };
  /** Maximum number of requests in flight. */
  readonly concurrency: number;
  readonly encode: EncodeDocuments;
  /** Encodes deliveries for the guard's script. */
  readonly encodeByScript: EncodeDocuments;
  /** Sends the body of one request. */
  readonly send: (body: Buffer) => Promise<OpensearchAnswer>;
  readonly signal: AbortSignal;
  /** Called for each entry whose version, or a newer one, is in the target afterwards. */
  readonly remember: (entry: BulkEntry, item: BulkItem) => void;
}

/** The results of entries that are done, and the parts with the other entries. */
interface RequestOutcome {
  readonly results: readonly WriteResult[];
  /** Entries to send now, for the first time or again. */
  readonly parts: readonly BulkPart[];
  /** Set if the target as a whole is unusable, so that no other request is sent. */
  readonly refusal?: DeliveryError;
}

/** The members of an answer that the sink reads. */
export const filterPath: string = [
  ...["status", "result", "_seq_no", "_primary_term"],
  ...["error.type", "error.reason", "error.caused_by.type"],
]
  .map((path) => `items.*.${path}`)
  .join();

/** Splits encoded entries into requests. */
export const splitToRequests = (entries: BulkPart, limits: BulkTarget["limits"]): BulkPart[] =>
  chunk(entries, { ...limits, sizeOf: ({ bytes }) => bytes });

/** One item of the answer, under the name of its action. */
type BulkItems = { readonly [action in Exclude<Action, "check">]?: BulkItem };

const itemsIn = (body: unknown): readonly BulkItems[] | undefined => {
  const items = typeof body === "object" && body !== null && "items" in body ? body.items : undefined;
  return Array.isArray(items) ? items : undefined;
};

/** Returns an item of the answer. The item is under the name of its action. */
const itemOf = (items: readonly BulkItems[], index: number, action: Action): BulkItem | undefined =>
  items[index]?.[action === "check" ? "update" : action];

/** Whether the script must decide, because the cheap action expected another state of the document. */
const isUndecided = (action: Action, { status, result }: BulkItem): boolean => {
  if (action === "check") return status === 404 || status === 409 || (status === 200 && result !== "noop");
  return status === 409 && action !== "update";
};

/** Returns the result of an entry; undefined if the script must decide. */
const resultOf = (
  sink: string,
  { delivery, action }: BulkEntry,
  item: BulkItem | undefined,
): WriteResult | undefined => {
  if (item === undefined) {
    const message = `[${sink}] the answer has no result for a document; expected an item of ${action}`;
    return failed(delivery, new SinkError("SINK_UNREPORTED", message));
  }
  if (isUndecided(action, item)) return undefined;
  if (item.status === 200 || item.status === 201) {
    return item.result === "noop" ? superseded(delivery) : delivered(delivery);
  }
  return failed(delivery, itemError(sink, item));
};

/** Returns the results in an answer. Undecided deliveries are sent again with the script. */
const readAnswer = (
  { sink, remember }: BulkTarget,
  part: BulkPart,
  body: unknown,
): { results: WriteResult[]; undecided: DocumentDelivery[] } | SinkError => {
  const items = itemsIn(body);
  if (items?.length !== part.length) {
    const message = `[${sink}] the answer has ${items?.length ?? "no"} items; expected ${part.length}`;
    return new SinkError("SINK_UNAVAILABLE", message, { cause: new Error("not the answer to a bulk request") });
  }
  const results: WriteResult[] = [];
  const undecided: DocumentDelivery[] = [];
  for (const [index, entry] of part.entries()) {
    const item = itemOf(items, index, entry.action);
    const result = resultOf(sink, entry, item);
    if (result === undefined) undecided.push(entry.delivery);
    else results.push(result);
    if (item !== undefined && result !== undefined && result.outcome !== "failed") remember(entry, item);
  }
  return { results, undecided };
};

const sendPart = async (part: BulkPart, target: BulkTarget): Promise<RequestOutcome> => {
  const answer = await target.send(bodyOf(part));
  if ("failure" in answer) {
    const { error, mayBeOneEntry } = answer.failure;
    if (!mayBeOneEntry) return { results: failAll(part, error), parts: [], refusal: error };
    return part.length > 1 ? { results: [], parts: halves(part) } : { results: failAll(part, error), parts: [] };
  }
  const read = readAnswer(target, part, answer.body);
  if (read instanceof SinkError) return { results: failAll(part, read), parts: [], refusal: read };
  const { entries, results } = target.encodeByScript(read.undecided);
  return { results: [...read.results, ...results], parts: splitToRequests(entries, target.limits) };
};

/** Minimum number of documents for which a separate request pays. */
const smallestSlice = 250;

/** Splits a batch into as many slices as may be in flight, or into more if a slice would have too many documents. */
const slicesOf = (batch: DocumentBatch, { limits, concurrency }: BulkTarget): DocumentBatch[] => {
  const worthwhile = Math.min(concurrency, Math.floor(batch.length / smallestSlice));
  const count = Math.max(1, worthwhile, Math.ceil(batch.length / limits.maxEntries));
  return chunk(batch, { maxEntries: Math.ceil(batch.length / count) });
};

/** Writes deliveries of distinct items, and returns a result for each. */
export const writeBatch = async (batch: DocumentBatch, target: BulkTarget): Promise<readonly WriteResult[]> => {
  const slices = slicesOf(batch, target);
  const parts: BulkPart[] = [];
  const results: WriteResult[] = [];
  let refusal: DeliveryError | undefined;
  const next = (): BulkPart | undefined => {
    while (parts.length === 0 && slices.length > 0) {
      const encoded = target.encode(slices.shift() ?? []);
      results.push(...encoded.results);
      parts.push(...splitToRequests(encoded.entries, target.limits));
    }
    return parts.shift();
  };
  const work = async (): Promise<void> => {
    for (let part = next(); part !== undefined; part = next()) {
      const error = target.signal.aborted ? notStarted(target.sink) : refusal;
      const outcome: RequestOutcome =
        error === undefined ? await sendPart(part, target) : { results: failAll(part, error), parts: [] };
      results.push(...outcome.results);
      parts.unshift(...outcome.parts);
      refusal ??= outcome.refusal;
    }
  };
  const working: Promise<void>[] = [];
  while (working.length < target.concurrency && (slices.length > 0 || parts.length > 0)) {
    working.push(work());
    // Lets the request leave before the next slice is encoded.
    if (slices.length > 0) await setImmediate();
  }
  await Promise.all(working);
  return results;
};
