// Turns a line of a data file into a record. Errors name the file and the line, and no values.

import { type Image, itemKeyOf, type StreamRecord } from "@sluice/core/envelope";
import { isRecord } from "@sluice/core/sink-kit";
import {
  backfillRecord,
  incrementalRecord,
  keysOf,
  type Micros,
  microsOf,
  type RecordOrigin,
} from "../record/records.ts";
import type { ExportSummary } from "./export-manifest.ts";
import { SourceError } from "./source.ts";

/** Turns the text of a line into a record. `where` is for error messages. */
export type RecordOfLine = (text: string, where: string) => StreamRecord;

type Line = Readonly<Record<string, unknown>>;

const fail = (where: string, found: string, expected: string, cause?: unknown): never => {
  throw new SourceError(`[${where}] ${found}; expected ${expected}`, { cause });
};

const parse = (text: string, where: string): Line => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's error is left out, because its message quotes the text.
    return fail(where, `the line of ${text.length} characters is not JSON`, "one JSON object in each line");
  }
  return isRecord(json) ? json : fail(where, "the line is not a JSON object", "one JSON object in each line");
};

/** Whether each member is an object. The pipeline checks the values themselves, and rejects the record if one is wrong. */
const isImage = (value: unknown): value is Image => isRecord(value) && Object.values(value).every(isRecord);

const imageIn = (line: Line, name: string, where: string): Image | undefined => {
  const image = line[name];
  if (image === undefined || isImage(image)) return image;
  return fail(where, `${name} is not an item`, 'attribute values such as {"S":"…"}');
};

const requiredImage = (line: Line, name: string, where: string): Image =>
  imageIn(line, name, where) ?? fail(where, `the line has no ${name}`, `a line with ${name}`);

/** Makes a record. The item's key may be missing, or of a type that no key has. */
const withKeys = (where: string, make: () => StreamRecord): StreamRecord => {
  try {
    return make();
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new SourceError(`[${where}] ${found}`, { cause });
  }
};

/** The time of a write is seen as `{ "N": "…" }`, as a text, and as a number. */
const writtenAt = (line: Line, where: string): Micros => {
  const { Metadata: metadata } = line;
  const time = isRecord(metadata) ? metadata.WriteTimestampMicros : undefined;
  const shown = isRecord(time) ? time.N : time;
  const text = typeof shown === "number" ? String(shown) : shown;
  if (typeof text === "string" && /^\d{1,16}$/.test(text)) return text.padStart(16, "0");
  return fail(
    where,
    "Metadata.WriteTimestampMicros is missing or no time",
    "microseconds since 1970 in up to 16 digits",
  );
};

const fullRecord = (origin: RecordOrigin, { exportTimeMs }: ExportSummary): RecordOfLine => {
  const asOf = microsOf(exportTimeMs);
  return (text, where) => {
    const item = requiredImage(parse(text, where), "Item", where);
    return withKeys(where, () => backfillRecord(origin, item, asOf));
  };
};

const changeRecord =
  (origin: RecordOrigin, { hasOldImages }: ExportSummary): RecordOfLine =>
  (text, where) => {
    const line = parse(text, where);
    const given = requiredImage(line, "Keys", where);
    const newImage = imageIn(line, "NewImage", where);
    const oldImage = imageIn(line, "OldImage", where);
    const time = writtenAt(line, where);
    return withKeys(where, () => {
      const keys = keysOf(given, origin.keyNames);
      for (const image of [newImage, oldImage]) {
        if (image === undefined || itemKeyOf(keysOf(image, origin.keyNames)) === itemKeyOf(keys)) continue;
        throw new TypeError("an image has another key than Keys; expected images of one item");
      }
      return incrementalRecord(origin, { keys, newImage, oldImage, hasOldImages, writtenAt: time });
    });
  };

/** Returns the function for the lines of an export. */
export const recordOfLine = (origin: RecordOrigin, summary: ExportSummary): RecordOfLine =>
  summary.type === "full" ? fullRecord(origin, summary) : changeRecord(origin, summary);
