// Turns a delivery into the lines of a bulk request.

import {
  type Change,
  type EncodedBatch,
  encodeEach,
  hasMembers,
  RecordError,
  rejected,
  SinkError,
  toJson,
  type UpsertDelivery,
  wrongType,
} from "@sluice/core/sink-kit";
import { documentId } from "./write/document-id.ts";
import {
  checkLines,
  createLines,
  existsLines,
  guardField,
  indexLines,
  liveGuard,
  tombstoneGuard,
  updateAfterRefusalLines,
  updateExistingLines,
  updateLines,
} from "./write/guard.ts";
import { isAsNew, type RecentWrites } from "./write/recent-writes.ts";

/**
 * `create` writes if the document does not exist. `index` writes if this sink was the last to write the document.
 * `check` compares versions without writing, for a change that is probably superseded. `update` runs the guard's
 * script. This works for any state of the document, but costs OpenSearch about twice as much as the other actions.
 * For a removal with `onlyIfPresent`, `exists` only finds out if there is a document, at about two thirds of the cost of
 * `update-existing`, which runs the script on an existing document.
 */
export type Action = "create" | "index" | "check" | "update" | "exists" | "update-existing";

/** A delivery, encoded for a bulk request. */
export interface BulkEntry {
  readonly delivery: UpsertDelivery<object>;
  readonly action: Action;
  /** Whether this is the last attempt after a failure for which the document or the target may be at fault. */
  readonly isLast: boolean;
  readonly id: string;
  /** The document's `_id` as JSON text. */
  readonly idText: string;
  /** The entry's two lines in the body of the request. */
  readonly lines: string;
  /** Number of bytes of `lines` in UTF-8. */
  readonly bytes: number;
}

/**
 * Writes a document as JSON. A number that does not fit a double becomes a string, because the guard's script would
 * round the number. If the field's mapping is `double` or `long`, OpenSearch indexes the string as a number.
 */
export const documentText = (message: object): string => toJson(message);

const checkedText = (sink: string, message: object): string => {
  if (!hasMembers(message)) throw wrongType(sink, "the message", message, "a document: an object with named members");
  if (Object.hasOwn(message, guardField)) {
    throw rejected(sink, `the document has a field ${guardField}, which the sink sets itself`);
  }
  try {
    return documentText(message);
  } catch (cause) {
    // `cause` comes from a circular reference or from the user's `toJSON`. Its message may quote values.
    const name = cause instanceof Error ? cause.name : typeof cause;
    throw new RecordError("MAPPING_FAILED", `[${sink}] the document cannot be written as JSON: ${name}`, { cause });
  }
};

/** Inserts the guard as the first member of the document's JSON text. */
const withGuard = (guard: string, text: string): string =>
  text === "{}" ? `{${guard}}` : `{${guard},${text.slice(1)}`;

/** Origins whose inserts are probably new to the index. An insert of another origin was probably written before. */
const newOrigins: ReadonlySet<Change["origin"]> = new Set(["stream", "backfill"]);

/** Whether the index probably lacks the document. If so, `create` should succeed, at half the cost of the script. */
const isNew = ({ change, earlier }: UpsertDelivery<object>): boolean =>
  (earlier[0] ?? change).kind === "insert" && newOrigins.has(change.origin);

/** Options of `encode`. */
export interface EncodeOptions {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  /** Maximum bytes of an entry's lines. Default: no limit. */
  readonly maxBytes?: number;
  /** What the sink recently wrote. Without `recent`, every action runs the guard's script. */
  readonly recent?: Pick<RecentWrites, "get">;
  /** True: an ingest pipeline may have refused the entries. Sends what the pipeline needs to judge the document. */
  readonly isLast?: true;
  /** The time to store in tombstones, in milliseconds since the epoch. */
  readonly now: number;
}

/** Returns the document as JSON text, or a tombstone if the item is removed. */
const textOf = ({ change, message }: UpsertDelivery<object>, keyText: string | undefined, options: EncodeOptions) =>
  message === undefined
    ? `{${tombstoneGuard(change.version, keyText, options.now)}}`
    : withGuard(liveGuard(change.version, keyText), checkedText(options.sink, message));

type EncodedLines = Pick<BulkEntry, "action" | "id" | "idText" | "lines">;

const fits = (lines: string, { maxBytes = Number.POSITIVE_INFINITY }: EncodeOptions): boolean =>
  Buffer.byteLength(lines) <= maxBytes;

/** Returns the lines that run the guard's script. The last attempt may need twice the bytes, if they fit. */
const scriptLines = (
  { message, onlyIfPresent }: UpsertDelivery<object>,
  [idText, document]: readonly [idText: string, document: string],
  options: EncodeOptions,
): Pick<BulkEntry, "action" | "lines"> => {
  if (onlyIfPresent) return { action: "update-existing", lines: updateExistingLines(idText, document) };
  if (options.isLast) {
    const upsert = message === undefined ? undefined : checkedText(options.sink, message);
    const lines = updateAfterRefusalLines(idText, document, upsert);
    if (fits(lines, options)) return { action: "update", lines };
  }
  return { action: "update", lines: updateLines(idText, document) };
};

/**
 * Chooses the cheapest action that will probably succeed. `index` is only for changes of origin `stream`: for redriven
 * or replayed changes, its condition on the sequence number would probably fail.
 */
const linesOf = (delivery: UpsertDelivery<object>, options: EncodeOptions): EncodedLines => {
  const { change, message, onlyIfPresent } = delivery;
  const { id, key } = documentId(change.keys);
  const idText = JSON.stringify(id);
  const written = options.recent?.get(idText);
  const hasMessage = message !== undefined;
  if (written !== undefined && isAsNew(written, change.version, hasMessage)) {
    return { action: "check", id, idText, lines: checkLines(idText, change.version, hasMessage) };
  }
  const document = textOf(delivery, key === undefined ? undefined : JSON.stringify(key), options);
  if (written?.sequenceNumber !== undefined && change.origin === "stream") {
    return { action: "index", id, idText, lines: indexLines(idText, document, written.sequenceNumber) };
  }
  if (written === undefined && options.recent !== undefined) {
    if (onlyIfPresent) return { action: "exists", id, idText, lines: existsLines(idText) };
    if (isNew(delivery)) return { action: "create", id, idText, lines: createLines(idText, document) };
  }
  return { id, idText, ...scriptLines(delivery, [idText, document], options) };
};

/**
 * Encodes a delivery.
 * @throws {SinkError} SINK_REJECTED when the message is no document, SINK_TOO_LARGE when its lines exceed `maxBytes`.
 * @throws {RecordError} MAPPING_FAILED when the message cannot be written as JSON.
 */
export const encode = (delivery: UpsertDelivery<object>, options: EncodeOptions): BulkEntry => {
  const encoded = linesOf(delivery, options);
  const bytes = Buffer.byteLength(encoded.lines);
  const { sink, maxBytes = bytes, isLast = false } = options;
  if (bytes <= maxBytes) return { delivery, ...encoded, isLast, bytes };
  const problem = `the document takes ${bytes} bytes of a request; the limit is ${maxBytes}`;
  throw new SinkError("SINK_TOO_LARGE", `[${sink}] ${problem}`);
};

/**
 * Returns the body of a request. Writes each entry directly into the buffer. Joining all lines to a string first would
 * copy them twice, and if the string had any character beyond Latin-1, each character would take two bytes.
 */
export const bodyOf = (entries: readonly BulkEntry[]): Buffer => {
  let size = 0;
  for (const { bytes } of entries) size += bytes;
  const body = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const { lines, bytes } of entries) {
    // If there are as many bytes as characters, the text is ASCII. For ASCII, `latin1` gives the same bytes faster.
    body.write(lines, offset, bytes === lines.length ? "latin1" : "utf8");
    offset += bytes;
  }
  return body;
};

/** Encodes a batch. If a delivery cannot be encoded, only this delivery fails. */
export const encodeBatch = (
  batch: readonly UpsertDelivery<object>[],
  options: EncodeOptions,
): EncodedBatch<BulkEntry> => encodeEach(batch, (delivery) => encode(delivery, options));
