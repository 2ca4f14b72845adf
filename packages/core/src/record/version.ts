// The version of a change, and the key of an item as one text.

import { RecordError } from "../errors.ts";
import type { AttributeValue, Image, StreamRecord } from "./change.ts";

const label = /\/stream\/(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?/;

let latest: { readonly arn: string; readonly epoch: string } | undefined;

/**
 * Returns the creation time of the stream, from the label in its ARN, as 17 digits: `20260102030405678`. A stream that
 * is created again has a later time.
 * @throws {RecordError} RECORD_MALFORMED when the ARN has no label.
 */
export const streamEpoch = (streamArn: string): string => {
  if (latest?.arn === streamArn) return latest.epoch;
  const match = label.exec(streamArn);
  if (match === null) {
    throw new RecordError("RECORD_MALFORMED", "eventSourceARN has no stream label; expected …/stream/<creation time>");
  }
  const [, year, month, day, hour, minute, second, milliseconds = ""] = match;
  const epoch = `${year}${month}${day}${hour}${minute}${second}${milliseconds.padEnd(3, "0")}`;
  latest = { arn: streamArn, epoch };
  return epoch;
};

/** Returns a time as an epoch, such as 20260102030405678. `ms` is in milliseconds since 1970. */
export const epochOfTime = (ms: number): string => new Date(ms).toISOString().replace(/\D/g, "");

/** Returns the ARN of a record's stream. @throws {RecordError} RECORD_MALFORMED when the record has none. */
export const streamArnOf = (record: StreamRecord | null | undefined): string => {
  const arn: unknown = record?.eventSourceARN;
  if (typeof arn === "string") return arn;
  throw new RecordError("RECORD_MALFORMED", "eventSourceARN is missing; expected the stream's ARN");
};

/** A sequence number of a stream. What a backfill or a repair writes has a fraction: microseconds in 16 digits. */
const sequenceNumberPattern = /^\d{1,40}(\.\d{16})?$/;

/** Characters of a fraction, with its point. */
const fractionLength = 17;

/** The latest version with a fraction: all records of a backfill have the same version. */
let latestVersion: { readonly epoch: string; readonly sequenceNumber: string; readonly version: string } | undefined;

/**
 * Returns `<epoch>-<sequence number padded to 40 digits>`, with the fraction if the sequence number has one. Compared as
 * text, versions order an item's changes, and `X` < `X.<fraction>` < the next sequence number.
 * Sequence numbers have 21 to 40 digits, too many for an int64 or a JavaScript number.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html (read 2026-11-23)
 */
export const versionOf = (epoch: string, sequenceNumber: string): string => {
  if (latestVersion?.sequenceNumber === sequenceNumber && latestVersion.epoch === epoch) return latestVersion.version;
  if (!sequenceNumberPattern.test(sequenceNumber)) {
    throw new RecordError(
      "RECORD_MALFORMED",
      `the sequence number is ${sequenceNumber.length} characters; expected 1 to 40 digits, and no fraction or one of 16 digits`,
    );
  }
  if (!sequenceNumber.includes(".")) return `${epoch}-${sequenceNumber.padStart(40, "0")}`;
  const version = `${epoch}-${sequenceNumber.padStart(40 + fractionLength, "0")}`;
  latestVersion = { epoch, sequenceNumber, version };
  return version;
};

const keyText = (name: string, value: AttributeValue): string => {
  for (const type in value) {
    const content = (value as Readonly<Record<string, unknown>>)[type];
    if (type !== "S" && type !== "N" && type !== "B") break;
    const text = type === "B" && content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
    if (typeof text === "string") return `${name.length}:${name}${type}${text.length}:${text}`;
  }
  const [type] = Object.keys(value ?? {});
  throw new RecordError("RECORD_MALFORMED", `key attribute ${name} has the type ${type}; expected S, N or B`);
};

/** Returns an item's key as one text. Each part follows its length, so that different keys have different texts. */
export const itemKeyOf = (keys: Image): string => {
  const names = Object.keys(keys);
  if (names.length === 1) return keyText(names[0] as string, keys[names[0] as string] as AttributeValue);
  return names
    .sort()
    .map((name) => keyText(name, keys[name] as AttributeValue))
    .join("");
};
