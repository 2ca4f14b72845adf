// Classifies a message: a dead letter, an event that Lambda sent to an on-failure destination, or neither.

import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";

/** The members that are read of an invocation record, of SNS' wrapper and of S3's notification. */
export interface InvocationRecord {
  readonly timestamp?: unknown;
  readonly payload?: unknown;
  readonly DDBStreamBatchInfo?: {
    readonly shardId?: unknown;
    readonly startSequenceNumber?: unknown;
    readonly streamArn?: unknown;
  };
  /** SNS' wrapper. */
  readonly Type?: unknown;
  readonly Message?: unknown;
  /** S3's notification. */
  readonly Records?: readonly { readonly s3?: unknown }[];
}

/** Content of a message. */
export type MessageContent =
  | { readonly kind: "dead-letter"; readonly envelope: Envelope }
  | { readonly kind: "on-failure"; readonly record: InvocationRecord }
  /** An envelope that only a later version of Sluice reads. */
  | { readonly kind: "newer-envelope"; readonly version: number }
  | { readonly kind: "unsupported" };

/** Returns the members of a JSON object; none for any other text. */
export const jsonMembers = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
};

const unwrapped = (text: string): InvocationRecord => {
  const value: InvocationRecord = jsonMembers(text);
  return value.Type === "Notification" && typeof value.Message === "string" ? jsonMembers(value.Message) : value;
};

/** Whether the record is S3's notification of new objects. */
export const isS3Notification = ({ Records }: InvocationRecord): boolean =>
  Array.isArray(Records) && Records.every((record) => record?.s3 !== undefined);

/** Returns the content of a message's body. */
export const messageContent = (body: string): MessageContent => {
  const envelope = decodeEnvelope(body);
  if (envelope !== undefined) return { kind: "dead-letter", envelope };
  const record = unwrapped(body);
  if (typeof record.DDBStreamBatchInfo?.streamArn === "string" || isS3Notification(record)) {
    return { kind: "on-failure", record };
  }
  const { v } = jsonMembers(body);
  return Number.isInteger(v) && v !== 1 ? { kind: "newer-envelope", version: v as number } : { kind: "unsupported" };
};
