// Writes a batch by bulk requests, several at the same time. Most entries first use a cheap action. This action works
// only if the document is in the expected state. If not, the entry is sent again with the guard's script. The batch is
// encoded in slices: while OpenSearch handles one slice, the sink encodes the next slice.

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

/** The limits and functions that `writeBatch` needs. */
export interface BulkTarget {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  readonly limits: { readonly maxEntries: number; readonly maxBytes: number };
  /** Maximum number of requests in flight. */
  readonly concurrency: number;
  readonly encode: EncodeDocuments;
  /** Encodes deliveries with the action `update`, which runs the guard's script. */
  readonly encodeByScript: EncodeDocuments;
  /** Sends the body of one request. */
  readonly send: (body: Buffer) => Promise<OpensearchAnswer>;
  readonly signal: AbortSignal;
  /** Called for each delivered or superseded entry. The target then has the entry's version or a newer version. */
  readonly remember: (entry: BulkEntry, item: BulkItem) => void;
}

/** The results of a request's finished entries, and the entries that must be sent again. */
interface RequestOutcome {
  readonly results: readonly WriteResult[];
  /** The entries to send again. Each part becomes one request. */
  readonly parts: readonly BulkPart[];
  /** Set if the failure would also affect all other requests of the batch, so none of them is sent. */
  readonly refusal?: DeliveryError;
}

/** The members of the answer that the sink reads. OpenSearch omits all others. */
export const filterPath: string = [
  ...["status", "result", "_seq_no", "_primary_term"],
  ...["error.type", "error.reason", "error.caused_by.type"],
]
  .map((path) => `items.*.${path}`)
  .join();

/** Splits encoded entries into requests. */
export const splitToRequests = (entries: BulkPart, limits: BulkTarget["limits"]): BulkPart[] =>
  chunk(entries, { ...limits, sizeOf: ({ bytes }) => bytes });

/** One entry's result in the answer. The member's name is the entry's action. */
type BulkItems = { readonly [action in Exclude<Action, "check">]?: BulkItem };

const itemsIn = (body: unknown): readonly BulkItems[] | undefined => {
  const items = typeof body === "object" && body !== null && "items" in body ? body.items : undefined;
  return Array.isArray(items) ? items : undefined;
};

/** Returns the result of the entry at `index`. A `check` is sent as an `update`, so its result is under `update`. */
const itemOf = (items: readonly BulkItems[], index: number, action: Action): BulkItem | undefined =>
  items[index]?.[action === "check" ? "update" : action];

/** Whether the entry must be sent again with the script, because the document was not in the expected state. */
const isUndecided = (action: Action, { status, result }: BulkItem): boolean => {
  if (action === "check") return status === 404 || status === 409 || (status === 200 && result !== "noop");
  return status === 409 && action !== "update";
};

/** Returns the result of an entry; undefined if the entry must be sent again with the script. */
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

/** Reads the results in an answer. `undecided` are the deliveries that must be sent again with the script. */
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

/** Minimum number of documents in a slice. With fewer documents, parallel requests would not save time. */
const smallestSlice = 250;

/** Splits a batch into `concurrency` slices: more slices if one exceeds `maxEntries`, fewer if the batch is small. */
const slicesOf = (batch: DocumentBatch, { limits, concurrency }: BulkTarget): DocumentBatch[] => {
  const worthwhile = Math.min(concurrency, Math.floor(batch.length / smallestSlice));
  const count = Math.max(1, worthwhile, Math.ceil(batch.length / limits.maxEntries));
  return chunk(batch, { maxEntries: Math.ceil(batch.length / count) });
};

/** Writes a batch, and returns a result for each delivery. All deliveries must be of different items. */
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
    // Encoding blocks the event loop, so this waits until the request has been sent.
    if (slices.length > 0) await setImmediate();
  }
  await Promise.all(working);
  return results;
};
