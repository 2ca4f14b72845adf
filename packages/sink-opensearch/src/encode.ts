// Turns a delivery into the lines of a bulk request. A document is written as JSON once, even if its action changes.

import {
  type Change,
  type EncodedBatch,
  encodeEach,
  isRecord,
  RecordError,
  rejected,
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
 * `create` writes if the document does not exist. `index` writes if this sink made the document's last write. `check`
 * only compares versions, for a change that is probably superseded. `update` writes by the guard's script and decides
 * every case, but costs the server about twice as much as the others.
 */
export type Action = "create" | "index" | "check" | "update";

/** A delivery, encoded for a bulk request. */
export interface BulkEntry {
  readonly delivery: UpsertDelivery<object>;
  readonly action: Action;
  /** The document's `_id` as JSON text. */
  readonly idText: string;
  /** The two lines of the request. */
  readonly lines: string;
  /** Size of the lines in UTF-8. */
  readonly bytes: number;
}

/**
 * Writes a document as JSON. A number that a double cannot hold becomes a string, because the script would round the
 * number. A `double` or `long` mapping indexes the string as the number.
 */
export const documentText = (message: object): string => toJson(message);

const checkedText = (sink: string, message: object): string => {
  if (!isRecord(message)) throw rejected(sink, "the message is not an object; expected a document");
  if (Object.hasOwn(message, guardField)) {
    throw rejected(sink, `the document has a field ${guardField}, which the sink sets itself`);
  }
  try {
    return documentText(message);
  } catch (cause) {
    // The cause is a circular reference or the user's toJSON. Its message may quote values.
    const name = cause instanceof Error ? cause.name : typeof cause;
    throw new RecordError("MAPPING_FAILED", `[${sink}] the document cannot be written as JSON: ${name}`, { cause });
  }
};

/** Puts the guard in front of the document's members. */
const withGuard = (guard: string, text: string): string =>
  text === "{}" ? `{${guard}}` : `{${guard},${text.slice(1)}`;

/** Origins whose inserts are probably the first write of an item. Redriven and replayed inserts probably are not. */
const newOrigins: ReadonlySet<Change["origin"]> = new Set(["stream", "backfill"]);

/** Whether the document is probably new. If so, `create` will probably succeed, at half the cost of the script. */
const isNew = ({ change, earlier }: UpsertDelivery<object>): boolean =>
  (earlier[0] ?? change).kind === "insert" && newOrigins.has(change.origin);

/** What encoding needs besides the delivery. */
export interface EncodeOptions {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  /** Maximum bytes of the lines. Default: no limit. */
  readonly maxBytes?: number;
  /** The sink's memory of recent writes. Without it, every action is `update`. */
  readonly recent?: Pick<RecentWrites, "get">;
  /** The time of tombstones, in milliseconds since the epoch. */
  readonly now: number;
}

/** Returns the document as JSON text, or a tombstone if the item is removed. */
const textOf = ({ change, message }: UpsertDelivery<object>, keyText: string | undefined, options: EncodeOptions) =>
  message === undefined
    ? `{${tombstoneGuard(change.version, keyText, options.now)}}`
    : withGuard(liveGuard(change.version, keyText), checkedText(options.sink, message));

/**
 * Chooses the cheapest action that will probably succeed. For a redriven or replayed change, a condition on the
 * sequence number will probably fail.
 */
const linesOf = (
  delivery: UpsertDelivery<object>,
  options: EncodeOptions,
): Pick<BulkEntry, "action" | "idText" | "lines"> => {
  const { change } = delivery;
  const { id, key } = documentId(change.keys);
  const idText = JSON.stringify(id);
  const written = options.recent?.get(idText);
  if (written !== undefined && written.version >= change.version) {
    return { action: "check", idText, lines: checkLines(idText, change.version) };
  }
  const document = textOf(delivery, key === undefined ? undefined : JSON.stringify(key), options);
  if (written?.sequenceNumber !== undefined && change.origin === "stream") {
    return { action: "index", idText, lines: indexLines(idText, document, written.sequenceNumber) };
  }
  if (written === undefined && options.recent !== undefined && isNew(delivery)) {
    return { action: "create", idText, lines: createLines(idText, document) };
  }
  return { action: "update", idText, lines: updateLines(idText, document) };
};

/**
 * Encodes a delivery.
 * @throws {SinkError} SINK_REJECTED when the message is not a document, SINK_TOO_LARGE when it exceeds `maxBytes`.
 * @throws {RecordError} MAPPING_FAILED when the message cannot be written as JSON.
 */
export const encode = (delivery: UpsertDelivery<object>, options: EncodeOptions): BulkEntry => {
  const { action, idText, lines } = linesOf(delivery, options);
  const bytes = Buffer.byteLength(lines);
  const { sink, maxBytes = bytes } = options;
  if (bytes <= maxBytes) return { delivery, action, idText, lines, bytes };
  const problem = `the document takes ${bytes} bytes of a request; the limit is ${maxBytes}`;
  throw new SinkError("SINK_TOO_LARGE", `[${sink}] ${problem}`);
};

/**
 * Returns the body of a request, written entry by entry. One long string would mean two more copies, and a single
 * character beyond Latin-1 would make each of its characters two bytes wide.
 */
export const bodyOf = (entries: readonly BulkEntry[]): Buffer => {
  let size = 0;
  for (const { bytes } of entries) size += bytes;
  const body = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const { lines, bytes } of entries) {
    // If there are as many bytes as characters, the text is ASCII and needs no conversion.
    body.write(lines, offset, bytes === lines.length ? "latin1" : "utf8");
    offset += bytes;
  }
  return body;
};

/** Encodes a batch. A delivery that cannot be encoded fails. */
export const encodeBatch = (
  batch: readonly UpsertDelivery<object>[],
  options: EncodeOptions,
): EncodedBatch<BulkEntry> => encodeEach(batch, (delivery) => encode(delivery, options));
