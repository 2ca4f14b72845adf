// What SNS and SQS messages share: attributes, message group ids, and the deduplication ids of FIFO targets.

import { createHash } from "node:crypto";
import { type MessageAttributes, type WireAttributes, wireAttributes } from "./message-attribute.ts";
import type { AppendDelivery } from "./sink.ts";
import { rejected } from "./sink-error.ts";

/**
 * For this many milliseconds, SNS and SQS discard messages that repeat a deduplication id.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html (read 2026-11-23)
 */
export const fifoDedupeMs = 300_000;

/** Hashes a text to an id that FIFO topics and queues accept: 64 hexadecimal digits. */
export const fifoId = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A legal group id: ASCII without spaces. */
const legalGroup = /^[!-~]{1,128}$/;

const groupId = (sink: string, group: string): string => {
  if (group === "") throw rejected(sink, "messageGroupId is empty; expected a text");
  return legalGroup.test(group) ? group : fifoId(group);
};

/** The part of a message that SNS and SQS have in common. */
export interface GroupedMessage {
  /** A string is sent unchanged. Any other value is sent as lossless JSON, undefined as `null`. */
  readonly body: unknown;
  /** Attributes for filter policies. At most eight, because the sink adds `idempotency-key` and `sluice-version`. */
  readonly attributes?: MessageAttributes | undefined;
  /**
   * FIFO target: messages of one group stay in order (default: one group per item). Different items in a group are not
   * ordered. Standard target: the tenant, for fair queues. A text that is not a legal id is hashed.
   */
  readonly messageGroupId?: string | undefined;
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
