// What SNS and SQS messages share: attributes, message group ids, and the deduplication ids of FIFO targets.

import { createHash } from "node:crypto";
import { textMember } from "./member.ts";
import { type MessageAttributes, type WireAttributes, wireAttributes } from "./message-attribute.ts";
import type { AppendDelivery } from "./sink.ts";

/**
 * For this many milliseconds, SNS and SQS discard messages that repeat a deduplication id.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html (read 2026-11-23)
 */
export const fifoDedupeMs = 300_000;

/** Hashes a text to an id that FIFO topics and queues accept: 64 hexadecimal digits. */
export const fifoId = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A legal group id: ASCII without spaces. */
const legalGroup = /^[!-~]{1,128}$/;

const groupId = (sink: string, given: unknown): string => {
  const group = textMember(sink, "messageGroupId", given);
  return legalGroup.test(group) ? group : fifoId(group);
};

/** The part of a message that SNS and SQS have in common. Null in an optional member means that it is absent. */
export interface GroupedMessage {
  /** A string is sent unchanged. Any other value is sent as lossless JSON, undefined as `null`. */
  readonly body: unknown;
  /** Attributes for filter policies. At most eight, because the sink adds `idempotency-key` and `sluice-version`. */
  readonly attributes?: MessageAttributes | null | undefined;
  /**
   * FIFO target: messages of one group stay in order (default: one group per item). Different items in a group are not
   * ordered. Standard target: the tenant, for fair queues. A text that is not a legal id is hashed.
   */
  readonly messageGroupId?: string | null | undefined;
}

/** The settings of a topic or queue that `groupedEntry` needs. */
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
 * Returns the members that SNS and SQS entries share. The group comes from the message; in a FIFO target it defaults to
 * the item, and the deduplication id is the idempotency key. A group that is not a legal id is hashed.
 * @throws {SinkError} SINK_REJECTED when the group is not a text, or an attribute would be rejected.
 */
export const groupedEntry = (
  { name, isFifo }: GroupedTarget,
  delivery: AppendDelivery<unknown>,
  { attributes, messageGroupId: group }: GroupedMessage,
): GroupedEntry => {
  const { change, idempotencyKey } = delivery;
  const MessageAttributes = wireAttributes(name, delivery, attributes);
  const isGrouped = group !== undefined && group !== null;
  if (!isFifo && !isGrouped) return { MessageAttributes };
  const MessageGroupId = isGrouped ? groupId(name, group) : fifoId(change.itemKey);
  return { MessageAttributes, MessageGroupId, ...(isFifo && { MessageDeduplicationId: fifoId(idempotencyKey) }) };
};
