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

/** The envelope as a message body, with the record compressed. */
export const gzipBody = ({ record: _, ...rest }: Envelope, record: Buffer): string =>
  xmlSafe(JSON.stringify({ ...rest, recordGzip: record.toString("base64") }));

/** The envelope as a message body, with the record's address. */
export const recordUrlBody = ({ record: _, ...rest }: Envelope, recordUrl: string): string =>
  xmlSafe(JSON.stringify({ ...rest, recordUrl }));

/** The envelope as a message body: JSON, its record compressed where the plain form does not fit. */
export const encodeEnvelope = (envelope: Envelope, maxBytes: number = maxMessageBytes): string => {
  const plain = plainBody(envelope);
  return Buffer.byteLength(plain) <= maxBytes ? plain : gzipBody(envelope, compressed(envelope.record));
};

const textMembers = ["id", "pipeline", "sink", "code", "message", "firstFailedAt"] as const;

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

/**
 * The envelope in a message body; undefined where the body holds none that this version reads. Members that it does not
 * know are kept. With a `recordUrl` the record is still to be fetched.
 */
export const decodeEnvelope = (body: string): Envelope | undefined => {
  try {
    const { recordGzip, ...rest } = (JSON.parse(body) ?? {}) as Partial<Envelope> & { readonly recordGzip?: unknown };
    const plain = typeof rest.recordUrl === "string" ? {} : rest.record;
    const record = typeof recordGzip === "string" ? decompressed(Buffer.from(recordGzip, "base64")) : plain;
    const envelope = { ...rest, record };
    return isEnvelope(envelope) ? envelope : undefined;
  } catch (error) {
    // Neither JSON nor gzip: not an envelope, which is the answer. Anything else is a bug.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code?.startsWith("Z_")) return undefined;
    throw error;
  }
};
