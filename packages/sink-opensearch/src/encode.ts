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
import { checkedDocumentId, type DocumentId, hasHalfPair } from "./write/document-id.ts";
import { type GeoFields, withGeoDoubles } from "./write/geo.ts";
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
import { isAsNew, type RecentWrite, type RecentWrites } from "./write/recent-writes.ts";
import type { RoutingOf } from "./write/routing.ts";

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
  /** The document's `_id` as JSON text, followed by its routing if it has any: `"a","routing":"b"`. */
  readonly place: string;
  /** The entry's two lines in the body of the request. */
  readonly lines: string;
  /** Number of bytes of `lines` in UTF-8. */
  readonly bytes: number;
}

/**
 * Writes a document as JSON. A number that does not fit a double becomes a string, because the guard's script would
 * round the number. If the field's mapping is `double` or `long`, OpenSearch indexes the string as a number.
 */
export const documentText = (message: object, geoFields: GeoFields = noFields): string =>
  toJson(geoFields.size === 0 ? message : withGeoDoubles(message, geoFields));

const noFields: GeoFields = new Map();

/** Whether the value has a member whose name has half a surrogate pair, at any level. */
const hasBrokenName = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).some(([name, member]) => hasHalfPair(name) || hasBrokenName(member));

/**
 * Checks the names of fields. OpenSearch keeps half a surrogate pair in a value of `_source` as it was sent, but replaces
 * it by a question mark in a name.
 */
const checkNames = (sink: string, text: string): void => {
  // JSON text has such a half only as an escape. The search is cheaper than the test, and both are seldom true.
  if (!text.includes("\\ud") || !/\\ud[89a-f]/.test(text)) return;
  const members = Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>);
  const broken = members.find(([name, member]) => hasHalfPair(name) || hasBrokenName(member));
  if (broken === undefined) return;
  const place = hasHalfPair(broken[0]) ? "the document" : `the member ${JSON.stringify(broken[0])}`;
  throw rejected(sink, `${place} has a field whose name has half a surrogate pair`);
};

const checkedText = ({ sink, geoFields }: EncodeOptions, message: object): string => {
  if (!hasMembers(message)) throw wrongType(sink, "the message", message, "a document: an object with named members");
  if (Object.hasOwn(message, guardField)) {
    throw rejected(sink, `the document has a field ${guardField}, which the sink sets itself`);
  }
  try {
    const text = documentText(message, geoFields);
    checkNames(sink, text);
    return text;
  } catch (cause) {
    if (cause instanceof SinkError) throw cause;
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
  /**
   * The stored states by place, if the documents must be written by `create` or `index`, without the script. A place
   * without a state has no document.
   */
  readonly known?: ReadonlyMap<string, RecentWrite>;
  /** Returns the routing of a delivery's document. Without it, OpenSearch routes by `_id`. */
  readonly routingOf?: RoutingOf;
  /** The fields in which numbers must be numbers. */
  readonly geoFields?: GeoFields;
  /** True: an ingest pipeline may have refused the entries. Sends what the pipeline needs to judge the document. */
  readonly isLast?: true;
  /** The time to store in tombstones, in milliseconds since the epoch. */
  readonly now: number;
}

/** Returns the document as JSON text, or a tombstone if the item is removed. */
const textOf = ({ change, message }: UpsertDelivery<object>, keyText: string | undefined, options: EncodeOptions) =>
  message === undefined
    ? `{${tombstoneGuard(change.version, keyText, options.now)}}`
    : withGuard(liveGuard(change.version, keyText), checkedText(options, message));

type EncodedLines = Pick<BulkEntry, "action" | "id" | "place" | "lines">;

const fits = (lines: string, { maxBytes = Number.POSITIVE_INFINITY }: EncodeOptions): boolean =>
  Buffer.byteLength(lines) <= maxBytes;

/** Returns the lines that run the guard's script. The last attempt may need twice the bytes, if they fit. */
const scriptLines = (
  { message, onlyIfPresent }: UpsertDelivery<object>,
  [place, document]: readonly [place: string, document: string],
  options: EncodeOptions,
): Pick<BulkEntry, "action" | "lines"> => {
  if (onlyIfPresent) return { action: "update-existing", lines: updateExistingLines(place, document) };
  if (options.isLast) {
    const upsert = message === undefined ? undefined : checkedText(options, message);
    const lines = updateAfterRefusalLines(place, document, upsert);
    if (fits(lines, options)) return { action: "update", lines };
  }
  return { action: "update", lines: updateLines(place, document) };
};

/** Returns the place of a document in the lines of a request: its `_id`, and its routing if it has any. */
export const documentPlace = (id: string, routing: string | undefined): string =>
  routing === undefined ? JSON.stringify(id) : `${JSON.stringify(id)},"routing":${JSON.stringify(routing)}`;

const checkedId = ({ change }: UpsertDelivery<object>, { sink }: EncodeOptions): DocumentId => {
  const found = checkedDocumentId(change.keys);
  if (found !== undefined) return found;
  throw rejected(sink, "the item's key has half a surrogate pair, which OpenSearch alters in an _id");
};

/** Returns the place of a delivery's document. */
export const deliveryPlace = (delivery: UpsertDelivery<object>, options: EncodeOptions): string =>
  documentPlace(checkedId(delivery, options).id, options.routingOf?.(delivery));

/**
 * Chooses the cheapest action that will probably succeed. `index` is only for changes of origin `stream`: for redriven
 * or replayed changes, its condition on the sequence number would probably fail.
 */
const linesOf = (delivery: UpsertDelivery<object>, options: EncodeOptions): EncodedLines => {
  const { change, message, onlyIfPresent } = delivery;
  const { id, key } = checkedId(delivery, options);
  const place = documentPlace(id, options.routingOf?.(delivery));
  const written = options.recent?.get(place);
  const hasMessage = message !== undefined;
  if (written !== undefined && isAsNew(written, change.version, hasMessage)) {
    return { action: "check", id, place, lines: checkLines(place, change.version, hasMessage) };
  }
  const document = textOf(delivery, key === undefined ? undefined : JSON.stringify(key), options);
  if (options.known !== undefined && hasMessage) {
    const number = options.known.get(place)?.sequenceNumber;
    return number === undefined
      ? { action: "create", id, place, lines: createLines(place, document) }
      : { action: "index", id, place, lines: indexLines(place, document, number) };
  }
  if (written?.sequenceNumber !== undefined && change.origin === "stream") {
    return { action: "index", id, place, lines: indexLines(place, document, written.sequenceNumber) };
  }
  if (written === undefined && options.recent !== undefined) {
    if (onlyIfPresent) return { action: "exists", id, place, lines: existsLines(place) };
    if (isNew(delivery)) return { action: "create", id, place, lines: createLines(place, document) };
  }
  return { id, place, ...scriptLines(delivery, [place, document], options) };
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
