// The write of a batch: requests within the limits, a few at once, and the answer to each matched to its entries one by
// one. Entries that were to be created and are there already go once more, by the guard's script. A slice of the batch is
// encoded while the server works on the one before.

import { setImmediate } from "node:timers/promises";
import {
  chunk,
  DeadlineError,
  type DeliveryError,
  delivered,
  failed,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { type BulkItem, itemError } from "../classify.ts";
import type { Answer } from "../client/client.ts";
import { type Action, bodyOf, type Encoded, type Entry } from "../encode.ts";

type Part = readonly Entry[];
type Delivery = UpsertDelivery<object>;
type Batch = readonly Delivery[];

/** Where a batch is written to. */
export interface BulkTarget {
  /** Name of the sink, for messages. */
  readonly sink: string;
  readonly limits: { readonly maxEntries: number; readonly maxBytes: number };
  /** Requests in flight at most. */
  readonly concurrency: number;
  readonly encode: (batch: Batch) => Encoded;
  /** The same for what the script has to decide. */
  readonly encodeByScript: (batch: Batch) => Encoded;
  /** Sends the body of one request. */
  readonly send: (body: Buffer) => Promise<Answer>;
  readonly signal: AbortSignal;
  /** Is told of every entry that the target took, or has a newer version of. */
  readonly remember: (entry: Entry, item: BulkItem) => void;
}

type Limited = Pick<BulkTarget, "sink" | "limits">;

/** What became of the entries of one request. */
interface Outcome {
  readonly settled: readonly WriteResult[];
  /** What has to be sent, or sent again. */
  readonly parts: readonly Part[];
  /** The target as a whole is unusable: no other request is worth its try. */
  readonly refusal?: DeliveryError;
}

/** The deliveries' part of an answer; `filter_path` leaves out the rest. */
export const filterPath: string = [
  ...["status", "result", "_seq_no", "_primary_term"],
  ...["error.type", "error.reason", "error.caused_by.type"],
]
  .map((path) => `items.*.${path}`)
  .join();

const failAll = (part: Part, error: DeliveryError): WriteResult[] =>
  part.map(({ delivery }) => failed(delivery, error));

const tooLarge = ({ sink, limits }: Limited, entry: Entry): WriteResult => {
  const message = `[${sink}] the document takes ${entry.bytes} bytes of a request; the limit is ${limits.maxBytes}`;
  return failed(entry.delivery, new SinkError("SINK_TOO_LARGE", message));
};

/** Cuts what was encoded to requests; what no request can hold has failed. */
export const cut = ({ entries, refused }: Encoded, target: Limited): Pick<Outcome, "settled" | "parts"> => {
  const { maxEntries, maxBytes } = target.limits;
  const fitting = entries.filter(({ bytes }) => bytes <= maxBytes);
  const settled = [
    ...refused.map(([delivery, error]) => failed(delivery, error)),
    ...entries.filter(({ bytes }) => bytes > maxBytes).map((entry) => tooLarge(target, entry)),
  ];
  return { settled, parts: chunk(fitting, { maxEntries, maxBytes, sizeOf: ({ bytes }) => bytes }) };
};

/** One item, under its action. */
type BulkItems = { readonly [action in Exclude<Action, "check">]?: BulkItem };

const itemsIn = (body: unknown): readonly BulkItems[] | undefined => {
  const items = typeof body === "object" && body !== null && "items" in body ? body.items : undefined;
  return Array.isArray(items) ? items : undefined;
};

/** By the name that the item has in the answer. */
const itemOf = (items: readonly BulkItems[], index: number, action: Action): BulkItem | undefined =>
  items[index]?.[action === "check" ? "update" : action];

/** Whether the script has to decide: another one has written the document, or it is not as new as it was. */
const isUndecided = (action: Action, { status, result }: BulkItem): boolean => {
  if (action === "check") return status === 404 || status === 409 || (status === 200 && result !== "noop");
  return status === 409 && action !== "update";
};

/** What became of an entry; undefined where the script has to decide. */
const verdictOf = (sink: string, { delivery, action }: Entry, item: BulkItem | undefined): WriteResult | undefined => {
  if (item === undefined) {
    const message = `[${sink}] the answer does not say what became of a document; expected an item of ${action}`;
    return failed(delivery, new SinkError("SINK_UNREPORTED", message));
  }
  if (isUndecided(action, item)) return undefined;
  if (item.status === 200 || item.status === 201) {
    return item.result === "noop" ? superseded(delivery) : delivered(delivery);
  }
  return failed(delivery, itemError(sink, item));
};

/** Settles what the server answered for; the rest is for the script. */
const settle = (
  { sink, remember }: BulkTarget,
  part: Part,
  body: unknown,
): { settled: WriteResult[]; undecided: Delivery[] } | SinkError => {
  const items = itemsIn(body);
  if (items?.length !== part.length) {
    const message = `[${sink}] the answer has ${items?.length ?? "no"} items; expected ${part.length}`;
    return new SinkError("SINK_UNAVAILABLE", message, { cause: new Error("not the answer to a bulk request") });
  }
  const settled: WriteResult[] = [];
  const undecided: Delivery[] = [];
  for (const [index, entry] of part.entries()) {
    const item = itemOf(items, index, entry.action);
    const verdict = verdictOf(sink, entry, item);
    if (verdict === undefined) undecided.push(entry.delivery);
    else settled.push(verdict);
    if (item !== undefined && verdict !== undefined && verdict.outcome !== "failed") remember(entry, item);
  }
  return { settled, undecided };
};

const halves = (part: Part): Part[] => {
  const middle = Math.ceil(part.length / 2);
  return [part.slice(0, middle), part.slice(middle)];
};

const sendPart = async (part: Part, target: BulkTarget): Promise<Outcome> => {
  const answer = await target.send(bodyOf(part));
  if ("failure" in answer) {
    const { error, mayBeOneEntry } = answer.failure;
    if (!mayBeOneEntry) return { settled: failAll(part, error), parts: [], refusal: error };
    return part.length > 1 ? { settled: [], parts: halves(part) } : { settled: failAll(part, error), parts: [] };
  }
  const result = settle(target, part, answer.body);
  if (result instanceof SinkError) return { settled: failAll(part, result), parts: [], refusal: result };
  const again = cut(target.encodeByScript(result.undecided), target);
  return { settled: [...result.settled, ...again.settled], parts: again.parts };
};

const unstarted = (sink: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${sink}] the invocation's time was over before the request was started`);

/** Documents for which a request of their own pays. */
const smallestSlice = 250;

/** Cuts a batch to as many slices as can be in flight, or more where one would hold too many documents. */
const slicesOf = (batch: Batch, { limits, concurrency }: BulkTarget): Batch[] => {
  const worthwhile = Math.min(concurrency, Math.floor(batch.length / smallestSlice));
  const count = Math.max(1, worthwhile, Math.ceil(batch.length / limits.maxEntries));
  return chunk(batch, { maxEntries: Math.ceil(batch.length / count), maxBytes: 0, sizeOf: () => 0 });
};

/** Writes deliveries of distinct items, and settles each. */
export const writeBatch = async (batch: Batch, target: BulkTarget): Promise<readonly WriteResult[]> => {
  const slices = slicesOf(batch, target);
  const parts: Part[] = [];
  const settled: WriteResult[] = [];
  let refusal: DeliveryError | undefined;
  const encodeSlice = (slice: Batch): void => {
    const outcome = cut(target.encode(slice), target);
    settled.push(...outcome.settled);
    parts.push(...outcome.parts);
  };
  const next = (): Part | undefined => {
    for (let slice = parts.length === 0 ? slices.shift() : undefined; slice !== undefined; ) {
      encodeSlice(slice);
      slice = parts.length === 0 ? slices.shift() : undefined;
    }
    return parts.shift();
  };
  const work = async (): Promise<void> => {
    for (let part = next(); part !== undefined; part = next()) {
      const error = target.signal.aborted ? unstarted(target.sink) : refusal;
      const outcome: Outcome =
        error === undefined ? await sendPart(part, target) : { settled: failAll(part, error), parts: [] };
      settled.push(...outcome.settled);
      parts.unshift(...outcome.parts);
      refusal ??= outcome.refusal;
    }
  };
  const working: Promise<void>[] = [];
  while (working.length < target.concurrency && (slices.length > 0 || parts.length > 0)) {
    working.push(work());
    // The request leaves before the next slice is encoded.
    if (slices.length > 0) await setImmediate();
  }
  await Promise.all(working);
  return settled;
};
