// An envelope: one delivery that failed, whole, as it stands in a dead-letter or retry queue. docs/spec/envelope.schema.json
// describes the JSON. Members are only ever added; what an older version could not read would get a new `v`.

import { gunzipSync, gzipSync } from "node:zlib";
import type { DeliveryErrorCode } from "../errors.ts";
import type { StreamRecord } from "../record/change.ts";
import { xmlSafe } from "../sink/message-text.ts";

/** One delivery that failed, with everything that is needed to send it again. */
export interface Envelope {
  /** Version of this format. */
  readonly v: 1;
  /** Equal for every repeat of the same delivery. */
  readonly id: string;
  readonly pipeline: string;
  /** Name of the route that failed: a redrive goes to it and to no other. */
  readonly sink: string;
  readonly code: DeliveryErrorCode;
  /** For people. Holds no item values. */
  readonly message: string;
  /** Writes that were tried; 0 where the mapper or schema refused the record, or nothing was attempted. */
  readonly attempts: number;
  /** ISO 8601, UTC. */
  readonly firstFailedAt: string;
  /** The stream record as Lambda delivered it; empty while it is kept at `recordUrl`. */
  readonly record: StreamRecord;
  /** Where the record is kept that no message can hold: `s3://bucket/key`. */
  readonly recordUrl?: string;
}

/**
 * What a message holds at most, body and attributes, and all messages of a request together.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html (read 2026-11-23)
 */
export const maxMessageBytes = 1_048_576;

/** The envelope as a message body, with the record as it is. */
export const plainBody = (envelope: Envelope): string => xmlSafe(JSON.stringify(envelope));

/** The record's JSON, compressed. */
export const compressed = (record: StreamRecord): Buffer => gzipSync(JSON.stringify(record));

/** The record that `compressed` made. */
export const decompressed = (bytes: Uint8Array): StreamRecord => JSON.parse(gunzipSync(bytes).toString());

const withoutRecord = ({ record: _, ...rest }: Envelope) => rest;

/** The envelope as a message body, with the record compressed. */
export const gzipBody = (envelope: Envelope, record: Buffer): string =>
  xmlSafe(JSON.stringify({ ...withoutRecord(envelope), recordGzip: record.toString("base64") }));

/** The envelope as a message body, with the record's address. */
export const recordUrlBody = (envelope: Envelope, recordUrl: string): string =>
  xmlSafe(JSON.stringify({ ...withoutRecord(envelope), recordUrl }));

/** The envelope as a message body: JSON, its record compressed where the plain form does not fit. */
export const encodeEnvelope = (envelope: Envelope, maxBytes: number = maxMessageBytes): string => {
  const plain = plainBody(envelope);
  return Buffer.byteLength(plain) <= maxBytes ? plain : gzipBody(envelope, compressed(envelope.record));
};

const textMembers = [
  "id",
  "pipeline",
  "sink",
  "code",
  "message",
  "firstFailedAt",
] as const satisfies (keyof Envelope)[];

const isEnvelope = (value: unknown): value is Envelope => {
  if (typeof value !== "object" || value === null) return false;
  const candidate: { readonly [member in keyof Envelope]?: unknown } = value;
  return (
    candidate.v === 1 &&
    textMembers.every((member) => typeof candidate[member] === "string") &&
    typeof candidate.attempts === "number" &&
    typeof candidate.record === "object" &&
    candidate.record !== null
  );
};

interface StoredForms {
  readonly recordGzip?: unknown;
  readonly recordUrl?: unknown;
}

const recordIn = ({ recordGzip, recordUrl }: StoredForms): { readonly record?: StreamRecord } => {
  if (typeof recordGzip === "string") return { record: decompressed(Buffer.from(recordGzip, "base64")) };
  return typeof recordUrl === "string" ? { record: {} } : {};
};

/**
 * The envelope in a message body; undefined where the body holds none that this version reads. Members that it does not
 * know are kept. With a `recordUrl` the record is still to be fetched.
 */
export const decodeEnvelope = (body: string): Envelope | undefined => {
  try {
    const value = JSON.parse(body) as StoredForms | null;
    if (typeof value !== "object" || value === null) return undefined;
    const { recordGzip: _, ...rest } = value;
    const envelope = { ...rest, ...recordIn(value) };
    return isEnvelope(envelope) ? envelope : undefined;
  } catch (error) {
    // Neither JSON nor gzip: not an envelope, which is the answer. Anything else is a bug.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code?.startsWith("Z_")) return undefined;
    throw error;
  }
};
