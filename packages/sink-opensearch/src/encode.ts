// Delivery to bulk lines. A document is written as JSON once, and stands in either kind of line as it is.

import { type Change, type DeliveryError, RecordError, SinkError, toJson, type UpsertDelivery } from "@sluice/core";
import { createLines, guardField, indexLines, liveGuard, tombstoneGuard, updateLines } from "./guard.ts";
import { documentId } from "./id.ts";
import type { Place, RecentWrites, Written } from "./recent-writes.ts";

/**
 * `create`: only if there is no such document. `index`: only if it is as this sink wrote it. `update`: by the guard's
 * script, which costs the server about twice as much, and decides where one of the others met a conflict.
 */
export type Action = "create" | "index" | "update";

/** A delivery as it goes over the wire. */
export interface Entry {
  readonly delivery: UpsertDelivery<object>;
  readonly action: Action;
  /** The `_id` and the document as JSON texts, from which the lines of the other action are made. */
  readonly idText: string;
  readonly document: string;
  /** Two lines of the request. */
  readonly lines: string;
  /** Of the lines, in UTF-8. */
  readonly bytes: number;
}

/**
 * JSON text of a document. A number that a double cannot hold is written as text: on its way through the script it
 * would be rounded, and a `double` or `long` mapping indexes the text as the number.
 */
export const documentText = (message: object): string => toJson(message);

const checked = (sink: string, message: object): string => {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new SinkError("SINK_REJECTED", `[${sink}] the message is no object; expected a document`);
  }
  if (Object.hasOwn(message, guardField)) {
    throw new SinkError("SINK_REJECTED", `[${sink}] the document has a field ${guardField}, which is the sink's own`);
  }
  try {
    return documentText(message);
  } catch (cause) {
    // A cycle, or a toJSON of the user's. The message may quote values.
    const name = cause instanceof Error ? cause.name : typeof cause;
    throw new RecordError("MAPPING_FAILED", `[${sink}] the document cannot be written as JSON: ${name}`, { cause });
  }
};

/** The guard's member first, then those of the document. */
const withGuard = (guard: string, text: string): string =>
  text === "{}" ? `{${guard}}` : `{${guard},${text.slice(1)}`;

/** A redriven or replayed insert has most probably been written since. */
const newOrigins: ReadonlySet<Change["origin"]> = new Set(["stream", "backfill"]);

/** Whether the item is probably not there yet, so that `create`, at half the script's price, is worth its try. */
const isNew = ({ change, earlier }: UpsertDelivery<object>): boolean =>
  (earlier[0] ?? change).kind === "insert" && newOrigins.has(change.origin);

/** Where the document is as this sink wrote it, if it still is. What is redriven or replayed comes too late to tell. */
const placeOf = ({ change }: UpsertDelivery<object>, written: Written | undefined): Place | undefined =>
  change.origin === "stream" && written !== undefined && written.version < change.version ? written.place : undefined;

/** The lines, by the cheapest way that may do. What was written before is left to the script: it comes again. */
const linesOf = (delivery: UpsertDelivery<object>, idText: string, document: string, written: Written | undefined) => {
  const place = placeOf(delivery, written);
  if (place !== undefined) return { action: "index", lines: indexLines(idText, document, place) } as const;
  if (written === undefined && isNew(delivery)) {
    return { action: "create", lines: createLines(idText, document) } as const;
  }
  return { action: "update", lines: updateLines(idText, document) } as const;
};

/** What encoding needs to know beside the delivery. */
export interface EncodeOptions {
  /** Name of the sink, for messages. */
  readonly sink: string;
  readonly recent: Pick<RecentWrites, "get">;
  /** Milliseconds since the epoch, for tombstones. */
  readonly now: number;
}

/**
 * Encodes a delivery.
 * @throws {SinkError} SINK_REJECTED when the message is no document
 * @throws {RecordError} MAPPING_FAILED when it cannot be written as JSON
 */
export const encode = (delivery: UpsertDelivery<object>, { sink, recent, now }: EncodeOptions): Entry => {
  const { change, message } = delivery;
  const { id, key } = documentId(change.keys);
  const keyText = key === undefined ? undefined : JSON.stringify(key);
  const document =
    message === undefined
      ? `{${tombstoneGuard(change.version, keyText, now)}}`
      : withGuard(liveGuard(change.version, keyText), checked(sink, message));
  const idText = JSON.stringify(id);
  const { action, lines } = linesOf(delivery, idText, document, recent.get(idText));
  return { delivery, action, idText, document, lines, bytes: Buffer.byteLength(lines) };
};

/** The entry once more, by the guard's script. */
export const byScript = (entry: Entry): Entry => {
  const lines = updateLines(entry.idText, entry.document);
  return { ...entry, action: "update", lines, bytes: Buffer.byteLength(lines) };
};

/**
 * The body of a request, written entry by entry: one long text would be copied twice more, and be two bytes wide for a
 * single character beyond Latin-1.
 */
export const bodyOf = (entries: readonly Entry[]): Buffer => {
  let size = 0;
  for (const { bytes } of entries) size += bytes;
  const body = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const { lines, bytes } of entries) {
    // As many bytes as characters: it is ASCII, which is copied as it is.
    body.write(lines, offset, bytes === lines.length ? "latin1" : "utf8");
    offset += bytes;
  }
  return body;
};

/** Entries, and the errors of deliveries that cannot be encoded. */
export interface Encoded {
  readonly entries: readonly Entry[];
  readonly refused: readonly (readonly [UpsertDelivery<object>, DeliveryError])[];
}

/** Encodes a batch. */
export const encodeAll = (batch: readonly UpsertDelivery<object>[], options: EncodeOptions): Encoded => {
  const entries: Entry[] = [];
  const refused: (readonly [UpsertDelivery<object>, DeliveryError])[] = [];
  for (const delivery of batch) {
    try {
      entries.push(encode(delivery, options));
    } catch (error) {
      if (!(error instanceof SinkError) && !(error instanceof RecordError)) throw error;
      refused.push([delivery, error]);
    }
  }
  return { entries, refused };
};
