// Message group ids and deduplication ids of FIFO topics and queues.

import { createHash } from "node:crypto";
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

/** The ids of an entry. */
export interface GroupMembers {
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** The part of a topic's or queue's settings that the ids are made from. */
export interface GroupedTarget {
  /** The sink's name, for errors. */
  readonly name: string;
  readonly isFifo: boolean;
}

/**
 * The ids of a delivery's entry. FIFO: the group is the message's or else the item, and the deduplication id is the
 * idempotency key. Standard: the group is the message's, for fair queues. A group that is not a legal id is hashed.
 * @throws {SinkError} SINK_REJECTED when the group is empty.
 */
export const groupMembers = (
  { name, isFifo }: GroupedTarget,
  { change, idempotencyKey }: AppendDelivery<unknown>,
  group: string | undefined,
): GroupMembers => {
  if (!isFifo) return group === undefined ? {} : { MessageGroupId: groupId(name, group) };
  const MessageGroupId = group === undefined ? fifoId(change.itemKey) : groupId(name, group);
  return { MessageGroupId, MessageDeduplicationId: fifoId(idempotencyKey) };
};
