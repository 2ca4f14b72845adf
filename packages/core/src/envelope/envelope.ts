// An envelope contains one failed delivery, in a dead-letter or retry queue. docs/spec/envelope.schema.json describes
// its JSON. Compatible changes only add members. A format that older versions of Sluice cannot read gets a new `v`.

import { gunzipSync, gzipSync } from "node:zlib";
import type { DeliveryErrorCode } from "../errors.ts";
import type { StreamRecord } from "../record/change.ts";
import { deepJson } from "../record/deep-json.ts";
import { xmlSafe } from "../sink/message-text.ts";

/** A failed delivery, with all data that is needed to send it again. */
export interface Envelope {
  /** Version of this format. */
  readonly v: 1;
  /** Equal for every repeat of the same delivery. */
  readonly id: string;
  readonly pipeline: string;
  /** Name of the route that failed. A redrive sends the delivery only to this route. */
  readonly sink: string;
  readonly code: DeliveryErrorCode;
  /** Describes the error for people. Contains no item values. */
  readonly message: string;
  /** Number of attempted writes. 0 if the mapper or schema refused the record, or no write was attempted. */
  readonly attempts: number;
  /** ISO 8601, UTC. */
  readonly firstFailedAt: string;
  /**
   * The message that contained the delivery when it failed, and how often that message had been received. Absent if the
   * delivery came from the stream.
   */
  readonly receipt?: string;
  /** The stream record as Lambda delivered it. Empty if the record is stored at `recordUrl`. */
  readonly record: StreamRecord;
  /** Address of a record that is too large for a message: `s3://bucket/key`. */
  readonly recordUrl?: string;
}

/**
 * SQS' limit for the body and attributes of one message, and also for all messages of a request together.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html (read 2026-11-23)
 */
export const maxMessageBytes = 1_048_576;

/** Encodes the envelope as a message body, with the record in plain JSON. */
export const plainBody = (envelope: Envelope): string => xmlSafe(deepJson(envelope));

/** Compresses the record's JSON. */
export const compressed = (record: StreamRecord): Buffer => gzipSync(deepJson(record));

/**
 * Two images of 400 KB take at most 6.3 MB as JSON: a `false` in a list is 2 bytes of an item, and 15 characters of
 * JSON. A forged record could otherwise decompress to gigabytes, and each megabyte of `{}` takes 20 MB of memory.
 */
export const maxRecordBytes: number = 8 * 1_048_576;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The bytes that the records of one event may still decompress to. Many small messages could otherwise fill the memory. */
export interface InflationBudget {
  left: number;
}

/** Returns the budget of one event. Six messages of 1 MB, which are the most that fit an event, need less. */
export const inflationBudget = (): InflationBudget => ({ left: 6 * maxRecordBytes });

/**
 * Two images of 400 KB have at most 1,638,400 of the characters `{`, `[` and `,` as JSON: an empty text in a list is 1
 * byte of an item, and has two of them. The rest is for the keys and for other members.
 */
const maxMarks = 1_700_000;

/** About the memory that a parsed value takes, beyond the length of its JSON. */
const bytesOfMark = 20;

const tooLarge = (): Error => Object.assign(new Error("the record is too large"), { code: "ERR_BUFFER_TOO_LARGE" });

/** Counts the characters `{`, `[` and `,`: JSON has no more values than these characters, and one. */
const marksIn = (json: Uint8Array): number => {
  let marks = 0;
  for (const byte of json) if (byte === 0x7b || byte === 0x5b || byte === 0x2c) marks += 1;
  return marks;
};

/** Decompresses a record that `compressed` returned. @throws when a record or the budget does not allow the size */
export const decompressed = (bytes: Uint8Array, budget: InflationBudget = inflationBudget()): StreamRecord => {
  const maxOutputLength = Math.max(1, Math.min(maxRecordBytes, budget.left));
  let json: Buffer;
  try {
    json = gunzipSync(bytes, { maxOutputLength });
  } catch (error) {
    // A record that is too large was decompressed up to the limit.
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") budget.left -= maxOutputLength;
    throw error;
  }
  const marks = marksIn(json);
  budget.left -= json.length;
  if (marks > maxMarks) throw tooLarge();
  budget.left -= marks * bytesOfMark;
  return JSON.parse(json.toString());
};

/** Encodes the envelope as a message body, with the record compressed. */
export const gzipBody = ({ record: _, ...rest }: Envelope, record: Buffer): string =>
  xmlSafe(deepJson({ ...rest, recordGzip: record.toString("base64") }));

/** Encodes the envelope as a message body, with the record's address. */
export const recordUrlBody = ({ record: _, ...rest }: Envelope, recordUrl: string): string =>
  xmlSafe(deepJson({ ...rest, recordUrl }));

/** Encodes the envelope as a message body in JSON. The record is compressed if the plain form does not fit. */
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
    ["string", "undefined"].includes(typeof candidate.recordUrl) &&
    typeof candidate.record === "object" &&
    candidate.record !== null
  );
};

/**
 * Decodes the envelope in a message body. Returns undefined if the body has no envelope that this version can read.
 * Keeps members that this version does not know. If the envelope has a `recordUrl`, does not fetch the record.
 */
export const decodeEnvelope = (body: string, budget?: InflationBudget): Envelope | undefined => {
  try {
    const { recordGzip, ...rest } = (JSON.parse(body) ?? {}) as Partial<Envelope> & { readonly recordGzip?: unknown };
    const plain = typeof rest.recordUrl === "string" ? {} : rest.record;
    const record = typeof recordGzip === "string" ? decompressed(Buffer.from(recordGzip, "base64"), budget) : plain;
    const envelope = { ...rest, record };
    return isEnvelope(envelope) ? envelope : undefined;
  } catch (error) {
    // The body is neither JSON nor gzip, so it is not an envelope. Any other error is a bug and is thrown again.
    if (error instanceof SyntaxError || /^(Z_|ERR_BUFFER_TOO_LARGE)/.test(String(codeOf(error)))) return undefined;
    throw error;
  }
};
