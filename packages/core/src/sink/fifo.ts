// What FIFO topics and queues ask for: the group that is kept in order, and the id by which repeats are discarded.

import { createHash } from "node:crypto";
import { SinkError } from "../errors.ts";
import type { AppendDelivery } from "./sink.ts";

/**
 * How long SNS and SQS discard a repeat of a deduplication id, in milliseconds.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html (read 2026-11-23)
 */
export const fifoDedupeMs = 300_000;

/** Any text as an id that FIFO topics and queues take: 64 hexadecimal digits, equal for equal texts. */
export const fifoId = (text: string): string => createHash("sha256").update(text).digest("hex");

/** ASCII without spaces: what group ids may be made of. */
const legalGroup = /^[!-~]{1,128}$/;

const groupId = (sink: string, group: string): string => {
  if (group === "") throw new SinkError("SINK_REJECTED", `[${sink}] messageGroupId is empty; expected a text`);
  return legalGroup.test(group) ? group : fifoId(group);
};

/** The members of an entry that say how a topic or queue groups it, and by what it knows a repeat. */
export interface GroupMembers {
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** A topic or queue, as far as grouping goes. */
export interface GroupedTarget {
  /** The sink's name, for errors. */
  readonly name: string;
  readonly isFifo: boolean;
}

/**
 * FIFO: the item is the group, unless the mapper gave another, and the idempotency key tells repeats. Standard: the
 * mapper's group, for fair queues, or none. A group that is no legal id is hashed.
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
