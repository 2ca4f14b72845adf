// Classifies a message's body: an envelope, a message that Lambda sends to an on-failure destination, or neither.

import { decodeEnvelope, type Envelope, type InflationBudget, maxRecordBytes } from "../envelope/envelope.ts";
import type { StreamRecord } from "../record/change.ts";

/** The batch of records that Lambda gave up on, as a position in the stream. */
export interface BatchPointer {
  readonly shardId: string;
  readonly startSequenceNumber: string;
  readonly endSequenceNumber: string;
  readonly approximateArrivalOfFirstRecord?: string;
  readonly approximateArrivalOfLastRecord?: string;
  readonly batchSize: number;
  readonly streamArn: string;
}

/** Address of an S3 object that contains a failed invocation. */
export interface ObjectAddress {
  readonly bucket: string;
  readonly key: string;
}

/** The members that core reads in Lambda's invocation record, and in S3's notification about such a record. */
export interface InvocationRecord {
  readonly timestamp?: unknown;
  readonly payload?: unknown;
  readonly DDBStreamBatchInfo?: { readonly [member in keyof BatchPointer]?: unknown } | null;
  readonly Event?: unknown;
  readonly Records?: unknown;
}

/** Content of a message. */
export type MessageContent =
  | { readonly kind: "dead-letter"; readonly envelope: Envelope }
  | { readonly kind: "on-failure"; readonly record: InvocationRecord }
  /** An envelope that only a later version of Sluice can read. */
  | { readonly kind: "newer-envelope"; readonly version: number }
  | { readonly kind: "unsupported" /** What the message contains, in words. */; readonly found: string };

/** Returns the members of a JSON object. For any other text, such as incomplete JSON, returns an empty object. */
export const jsonMembers = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
};

/** Sequence numbers have at most 40 digits. */
const isDigits = (value: unknown): boolean => typeof value === "string" && /^\d{1,40}$/.test(value);

/** Returns the pointer in Lambda's invocation record, or undefined if the record has no pointer. */
export const pointerIn = ({ DDBStreamBatchInfo: info }: InvocationRecord): BatchPointer | undefined => {
  if (typeof info?.shardId !== "string" || typeof info.streamArn !== "string") return undefined;
  if (!isDigits(info.startSequenceNumber) || !isDigits(info.endSequenceNumber)) return undefined;
  return { batchSize: 0, ...info } as BatchPointer;
};

/**
 * Returns the stream records of an invocation record that contains the whole event, as text or as an object. Returns
 * undefined if the text is cut off. In that case core reads the stream at the record's pointer.
 */
export const payloadIn = ({ payload }: InvocationRecord): readonly StreamRecord[] | undefined => {
  const event = typeof payload === "string" ? jsonMembers(payload) : payload;
  const records = (event as { readonly Records?: unknown } | null | undefined)?.Records;
  return Array.isArray(records) ? (records as StreamRecord[]) : undefined;
};

/** Whether the record is S3's notification of new objects. S3's test message also counts, but names no object. */
export const isS3Notification = ({ Event, Records }: InvocationRecord): boolean =>
  Event === "s3:TestEvent" ||
  (Array.isArray(Records) && Records.length > 0 && Records.every((record) => record?.s3 !== undefined));

/** Decodes the form-encoded key of an S3 notification. Returns undefined if the key is invalid. */
const decodedKey = (key: unknown): string | undefined => {
  try {
    return typeof key === "string" ? decodeURIComponent(key.replaceAll("+", " ")) : undefined;
  } catch {
    return undefined;
  }
};

interface S3Record {
  readonly eventName?: unknown;
  readonly s3?: { readonly bucket?: { readonly name?: unknown }; readonly object?: { readonly key?: unknown } } | null;
}

/** Whether the notification is of a new object. Others, such as `ObjectRemoved:Delete`, have nothing to read. */
const isNewObject = ({ eventName = "ObjectCreated:Put" }: S3Record): boolean =>
  typeof eventName === "string" && /^(s3:)?ObjectCreated:/.test(eventName);

/** Returns the new objects in an S3 event notification, or undefined for other values. */
export const objectsIn = (record: InvocationRecord): readonly ObjectAddress[] | undefined => {
  if (!isS3Notification(record)) return undefined;
  if (record.Event === "s3:TestEvent") return [];
  const addresses = (record.Records as readonly S3Record[]).filter(isNewObject).map(({ s3 }) => {
    const key = decodedKey(s3?.object?.key);
    return typeof s3?.bucket?.name === "string" && key !== undefined ? { bucket: s3.bucket.name, key } : undefined;
  });
  return addresses.every((address) => address !== undefined) ? addresses : undefined;
};

const unreadableRecord = `an envelope whose record is damaged, or decompresses to more than ${maxRecordBytes} bytes`;

/** Classifies the body of a message. */
export const messageContent = (body: string, budget?: InflationBudget): MessageContent => {
  const envelope = decodeEnvelope(body, budget);
  if (envelope !== undefined) return { kind: "dead-letter", envelope };
  const members = jsonMembers(body);
  const { Type, Message, v, recordGzip } = members;
  // SNS wraps its messages in JSON, unless the subscription asks for raw delivery.
  if (Type === "Notification" && typeof Message === "string") return messageContent(Message, budget);
  const record: InvocationRecord = members;
  const isBatch = typeof record.DDBStreamBatchInfo?.streamArn === "string" || payloadIn(record) !== undefined;
  if (isBatch || isS3Notification(record)) return { kind: "on-failure", record };
  if (Number.isInteger(v) && v !== 1) return { kind: "newer-envelope", version: v as number };
  return { kind: "unsupported", found: typeof recordGzip === "string" ? unreadableRecord : "no envelope" };
};
