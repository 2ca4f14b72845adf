// Writes a batch by bulk requests, several at the same time. Most entries first use a cheap action. This action works
// only if the document is in the expected state. If not, the entry is sent again with the guard's script. The batch is
// encoded in slices: while OpenSearch handles one slice, the sink encodes the next slice.

import { setImmediate } from "node:timers/promises";
import {
  chunk,
  type DeliveryError,
  type EncodedBatch,
  failAll,
  failed,
  halves,
  notStarted,
  SinkError,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { BulkItem, RequestFailure } from "../classify.ts";
import type { OpensearchAnswer } from "../client/request.ts";
import { type BulkEntry, bodyOf } from "../encode.ts";
import { itemsIn, readItems, type Suspect } from "./answer.ts";
import type { FieldNames } from "./reason.ts";

type BulkPart = readonly BulkEntry[];
type DocumentDelivery = UpsertDelivery<object>;
type DocumentBatch = readonly DocumentDelivery[];
type EncodeDocuments = (batch: DocumentBatch) => EncodedBatch<BulkEntry>;

/** The limits and functions that `writeBatch` needs. */
export interface BulkTarget {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  /** The names of fields that an error may show. Default: the attributes of an item. */
  readonly names?: FieldNames;
  readonly limits: { readonly maxEntries: number; readonly maxBytes: number };
  /** Maximum number of requests in flight. */
  readonly concurrency: number;
  readonly encode: EncodeDocuments;
  /** Encodes deliveries with the action `update`, which runs the guard's script. */
  readonly encodeByScript: EncodeDocuments;
  /** Encodes deliveries for their last attempt after an unclear failure. */
  readonly encodeLast: EncodeDocuments;
  /** Sends the body of one request. */
  readonly send: (body: Buffer) => Promise<OpensearchAnswer>;
  readonly signal: AbortSignal;
  /** Called for each entry that the target took, or as whose item the target already has as new a document. */
  readonly remember: (entry: BulkEntry, item: BulkItem) => void;
}

/** The results of a request's finished entries, and the entries that must be sent again. */
interface RequestOutcome {
  readonly results: readonly WriteResult[];
  /** The entries to send again. Each part becomes one request. */
  readonly parts: readonly BulkPart[];
  readonly suspects?: readonly Suspect[];
  /** Set if the failure would also affect all other requests of the batch, so none of them is sent. */
  readonly refusal?: DeliveryError;
}

/** Splits encoded entries into requests. */
export const splitToRequests = (entries: BulkPart, limits: BulkTarget["limits"]): BulkPart[] =>
  chunk(entries, { ...limits, sizeOf: ({ bytes }) => bytes });

/** What the answers to a batch have shown about the target. */
interface Evidence {
  /** Notes that the target took an entry, or that it already had as new a document. */
  readonly addTaken: (entry: BulkEntry, item: BulkItem) => void;
  /** Counts an unclear failure of a whole request. Returns false if too many such requests have failed in a row. */
  readonly addFailure: () => boolean;
  /** The document is at fault if the target took another document in the same way. */
  readonly judge: (suspect: Suspect) => WriteResult;
}

const newEvidence = (batchSize: number, concurrency: number): Evidence => {
  let hasTaken = false;
  // Whether a document passed the index's ingest pipelines. Most updates pass an empty document to the pipelines.
  let hasPassedPipelines = false;
  let failures = 0;
  // After so many failures in a row, halving would have isolated an entry that alone is at fault.
  const mostFailures = Math.ceil(Math.log2(batchSize)) + 1 + concurrency;
  return {
    addTaken: ({ action, isLast, delivery }, { result }) => {
      failures = 0;
      if (result === "noop" || delivery.message === undefined) return;
      hasTaken = true;
      if (action === "create" || action === "index" || isLast) hasPassedPipelines = true;
    },
    addFailure: () => {
      failures += 1;
      return failures <= mostFailures;
    },
    judge: ({ delivery, isPipeline, asDocument, asTarget }) =>
      failed(delivery, (isPipeline ? hasPassedPipelines : hasTaken) ? asDocument : asTarget),
  };
};

/** Splits a request that failed as a whole, unless its failure concerns every entry. */
const afterFailure = (
  part: BulkPart,
  { error, mayBeOneEntry, unclear }: RequestFailure,
  evidence: Evidence,
): RequestOutcome => {
  if (!mayBeOneEntry || (unclear !== undefined && !evidence.addFailure())) {
    return { results: failAll(part, error), parts: [], refusal: error };
  }
  if (part.length > 1) return { results: [], parts: halves(part) };
  if (unclear === undefined) return { results: failAll(part, error), parts: [] };
  return {
    results: [],
    parts: [],
    suspects: part.map(({ delivery }) => ({ delivery, isPipeline: false, ...unclear })),
  };
};

const sendPart = async (part: BulkPart, target: BulkTarget, evidence: Evidence): Promise<RequestOutcome> => {
  const answer = await target.send(bodyOf(part));
  if ("failure" in answer) return afterFailure(part, answer.failure, evidence);
  const items = itemsIn(answer.body);
  if (items?.length !== part.length) {
    const message = `[${target.sink}] the answer has ${items?.length ?? "no"} items; expected ${part.length}`;
    const cause = new Error("not the answer to a bulk request");
    const error = new SinkError("SINK_UNAVAILABLE", message, { cause });
    return { results: failAll(part, error), parts: [], refusal: error };
  }
  const { results, undecided, again, suspects, mixedUp, taken } = readItems(target, part, items);
  for (const [entry, item] of taken) {
    evidence.addTaken(entry, item);
    target.remember(entry, item);
  }
  const [byScript, last] = [target.encodeByScript(undecided), target.encodeLast(again)];
  return {
    results: [...results, ...byScript.results, ...last.results],
    parts: [
      ...splitToRequests([...byScript.entries, ...last.entries], target.limits),
      ...halves(mixedUp).filter((half) => half.length > 0),
    ],
    suspects,
  };
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
  const suspects: Suspect[] = [];
  const evidence = newEvidence(batch.length, target.concurrency);
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
        error === undefined ? await sendPart(part, target, evidence) : { results: failAll(part, error), parts: [] };
      results.push(...outcome.results);
      suspects.push(...(outcome.suspects ?? []));
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
  return [...results, ...suspects.map(evidence.judge)];
};
