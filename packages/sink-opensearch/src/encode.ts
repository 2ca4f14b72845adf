// Delivery to bulk lines. A document is written as JSON once, and stands in either kind of line as it is.

import {
  type Change,
  type DeliveryError,
  RecordError,
  SinkError,
  toJson,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import { documentId } from "./write/document-id.ts";
import {
  checkLines,
  createLines,
  guardField,
  indexLines,
  liveGuard,
  tombstoneGuard,
  updateLines,
} from "./write/guard.ts";
import type { RecentWrites } from "./write/recent-writes.ts";

/**
 * `create`: only if there is no such document. `index`: only if it is as this sink wrote it. `check`: whether it is as new
 * as this sink has seen it. `update`: by the guard's script, which costs the server about twice as much as any other, and
 * decides where one of them could not.
 */
export type Action = "create" | "index" | "check" | "update";

/** A delivery as it goes over the wire. */
export interface Entry {
  readonly delivery: UpsertDelivery<object>;
  readonly action: Action;
  /** The document's `_id` as JSON text. */
  readonly idText: string;
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

/** What encoding needs to know beside the delivery. */
export interface EncodeOptions {
  /** Name of the sink, for messages. */
  readonly sink: string;
  /** Without it the script decides. */
  readonly recent?: Pick<RecentWrites, "get">;
  /** Milliseconds since the epoch, for tombstones. */
  readonly now: number;
}

/** The document as JSON text, a tombstone where the item is gone. */
const textOf = ({ change, message }: UpsertDelivery<object>, keyText: string | undefined, options: EncodeOptions) =>
  message === undefined
    ? `{${tombstoneGuard(change.version, keyText, options.now)}}`
    : withGuard(liveGuard(change.version, keyText), checked(options.sink, message));

/** By the cheapest way that may do. What is redriven or replayed comes too late for a condition of place. */
const linesOf = (
  delivery: UpsertDelivery<object>,
  options: EncodeOptions,
): Pick<Entry, "action" | "idText" | "lines"> => {
  const { change } = delivery;
  const { id, key } = documentId(change.keys);
  const idText = JSON.stringify(id);
  const written = options.recent?.get(idText);
  if (written !== undefined && written.version >= change.version) {
    return { action: "check", idText, lines: checkLines(idText, change.version) };
  }
  const document = textOf(delivery, key === undefined ? undefined : JSON.stringify(key), options);
  if (written?.place !== undefined && change.origin === "stream") {
    return { action: "index", idText, lines: indexLines(idText, document, written.place) };
  }
  if (written === undefined && options.recent !== undefined && isNew(delivery)) {
    return { action: "create", idText, lines: createLines(idText, document) };
  }
  return { action: "update", idText, lines: updateLines(idText, document) };
};

/**
 * Encodes a delivery.
 * @throws {SinkError} SINK_REJECTED when the message is no document
 * @throws {RecordError} MAPPING_FAILED when it cannot be written as JSON
 */
export const encode = (delivery: UpsertDelivery<object>, options: EncodeOptions): Entry => {
  const { action, idText, lines } = linesOf(delivery, options);
  return { delivery, action, idText, lines, bytes: Buffer.byteLength(lines) };
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
