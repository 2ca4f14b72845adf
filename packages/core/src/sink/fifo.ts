// What messages of SNS and SQS have in common: attributes, message group ids, and deduplication ids of FIFO targets.

import { createHash } from "node:crypto";
import { type MessageAttributes, type WireAttributes, wireAttributes } from "./message-attribute.ts";
import type { AppendDelivery } from "./sink.ts";
import { rejected } from "./sink-error.ts";

/**
 * How long SNS and SQS discard a repeat of a deduplication id, in milliseconds.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html (read 2026-11-23)
 */
export const fifoDedupeMs = 300_000;

/** Hashes any text to a legal id of FIFO topics and queues: 64 hexadecimal digits. */
export const fifoId = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A legal group id: ASCII without spaces. */
const legalGroup = /^[!-~]{1,128}$/;

const groupId = (sink: string, group: string): string => {
  if (group === "") throw rejected(sink, "messageGroupId is empty; expected a text");
  return legalGroup.test(group) ? group : fifoId(group);
};

/** The part of a message that SNS and SQS have in common. */
export interface GroupedMessage {
  /** A string is sent as it is. Any other value is sent as lossless JSON, undefined as `null`. */
  readonly body: unknown;
  /** For filter policies. At most eight: the sink adds `idempotency-key` and `sluice-version`. */
  readonly attributes?: MessageAttributes | undefined;
  /**
   * FIFO: the group that is kept in order. Default: the item. Items that share a wider group have no order among each other.
   * Standard: the tenant, for fair queues. Default: none. A text that is not a legal id is hashed.
   */
  readonly messageGroupId?: string | undefined;
}

/** The part of a topic's or queue's settings that the members of an entry are made from. */
export interface GroupedTarget {
  /** The sink's name, for errors. */
  readonly name: string;
  readonly isFifo: boolean;
}

/** The members of an entry that SNS and SQS have in common. */
export interface GroupedEntry {
  readonly MessageAttributes: WireAttributes;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/**
 * The members of a delivery's entry. FIFO: the group is the message's or else the item, and the deduplication id is the
 * idempotency key. Standard: the group is the message's, for fair queues. A group that is not a legal id is hashed.
 * @throws {SinkError} SINK_REJECTED when the group is empty, or an attribute would be rejected.
 */
export const groupedEntry = (
  { name, isFifo }: GroupedTarget,
  delivery: AppendDelivery<unknown>,
  { attributes, messageGroupId: group }: GroupedMessage,
): GroupedEntry => {
  const { change, idempotencyKey } = delivery;
  const MessageAttributes = wireAttributes(name, delivery, attributes);
  if (!isFifo && group === undefined) return { MessageAttributes };
  const MessageGroupId = group === undefined ? fifoId(change.itemKey) : groupId(name, group);
  return { MessageAttributes, MessageGroupId, ...(isFifo && { MessageDeduplicationId: fifoId(idempotencyKey) }) };
};
