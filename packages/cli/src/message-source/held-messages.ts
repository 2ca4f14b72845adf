// Received messages of a queue. Their visibility timeout is extended until they are released, so that no other consumer
// receives them meanwhile. If this process dies, SQS makes them visible again.

import { changeVisibility, type Receipt, type ReceivingQueue } from "@sluice/core/envelope";

/** The queue, and the time for which its messages are hidden. */
export interface Holding extends ReceivingQueue<"changeMessageVisibilityBatch"> {
  /** Visibility timeout in seconds. */
  readonly holdSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A message that was received. */
export interface HeldMessage extends Receipt {
  readonly id: string;
}

/** The messages that stay hidden from other consumers. */
export interface HeldMessages {
  readonly size: () => number;
  readonly has: (id: string) => boolean;
  readonly ids: () => string[];
  /** Starts to extend a message. If the message was received before, replaces its receipt handle. */
  readonly hold: (message: HeldMessage) => void;
  /** Stops extending messages. Resolves when no extension is in flight that would hide the messages again. */
  readonly release: (ids: readonly string[]) => Promise<HeldMessage[]>;
  /** Number of messages that SQS refused to extend, so that other consumers may receive them. */
  readonly expired: () => number;
  /** Stops extending all messages. */
  readonly stop: () => void;
}

interface Held extends HeldMessage {
  /** End of the visibility timeout, in milliseconds since the epoch. Infinity for a message that cannot be extended. */
  readonly until: number;
}

/**
 * Maximum number of messages that are extended per second. The more messages are held, the longer each extension lasts:
 * 120,000 messages take five requests per second, and are visible again 40 minutes after a crash.
 */
const extendedPerSecond = 50;

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html (read 2026-11-25) */
const maxVisibilitySeconds = 43_200;

/** Number of times that the messages are checked within one visibility timeout. */
const checksPerHold = 8;

/** Creates an empty set of hidden messages. Extends its messages until `stop` is called. */
export const heldMessages = (holding: Holding): HeldMessages => {
  const { holdSeconds, now } = holding;
  const held = new Map<string, Held>();
  const expired = new Set<string>();
  let extending: Promise<void> | undefined;

  /** Extends messages that have less than half of their visibility timeout left. */
  const extend = async (): Promise<void> => {
    const seconds = Math.min(maxVisibilitySeconds, Math.max(holdSeconds, Math.ceil(held.size / extendedPerSecond)));
    const soon = now() + (holdSeconds * 1_000) / 2;
    const due = [...held.values()].filter(({ until }) => until < soon);
    // If the request for a message fails, the next check tries again.
    const { successful, refused } = await changeVisibility(holding, due, () => seconds);
    // The message may have been released, or received again, during the request.
    const isHeld = (message: Held): boolean => held.get(message.id) === message;
    const until = now() + seconds * 1_000;
    for (const message of successful.filter(isHeld)) held.set(message.id, { ...message, until });
    for (const message of refused.filter(isHeld)) {
      expired.add(message.id);
      held.set(message.id, { ...message, until: Number.POSITIVE_INFINITY });
    }
  };

  const timer = setInterval(
    () => {
      extending ??= extend().finally(() => {
        extending = undefined;
      });
    },
    (holdSeconds * 1_000) / checksPerHold,
  );

  return {
    size: () => held.size,
    has: (id) => held.has(id),
    ids: () => [...held.keys()],
    hold: (message) => void held.set(message.id, { ...message, until: now() + holdSeconds * 1_000 }),
    release: async (ids) => {
      const released = ids.flatMap((id) => held.get(id) ?? []);
      for (const { id } of released) held.delete(id);
      await extending;
      return released;
    },
    expired: () => expired.size,
    stop: () => clearInterval(timer),
  };
};
