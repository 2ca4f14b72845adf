// Keeps received messages of a queue hidden from other consumers. For this, extends the messages' visibility timeout
// again and again until the messages are released. If this process dies, the messages become visible by themselves.

import { changeVisibility, type Receipt, type ReceivingQueue } from "@sluice/core/envelope";

/** The queue, and the time for which a receive hides its messages. */
export interface Holding extends ReceivingQueue<"changeMessageVisibilityBatch"> {
  /** Visibility timeout in seconds. */
  readonly holdSeconds: number;
  /** Returns the time in milliseconds since the epoch. */
  readonly now: () => number;
}

/** A message that was received. */
export interface HeldMessage extends Receipt {
  readonly id: string;
}

/** The messages that are kept hidden from other consumers. */
export interface HeldMessages {
  readonly size: () => number;
  readonly has: (id: string) => boolean;
  readonly ids: () => string[];
  /** Keeps a message hidden from now on. If the message was received again, uses its new receipt handle. */
  readonly hold: (message: HeldMessage) => void;
  /** Stops keeping messages hidden. First waits for a running extension, which could hide the messages again. */
  readonly release: (ids: readonly string[]) => Promise<HeldMessage[]>;
  /** Number of messages that could not be kept hidden, because SQS refused the extension. */
  readonly expired: () => number;
  /** Stops keeping messages hidden, and stops the timer. */
  readonly stop: () => void;
}

interface Held extends HeldMessage {
  /** End of the visibility timeout, in milliseconds since the epoch. Infinity: the message is not extended any more. */
  readonly until: number;
}

/**
 * Maximum number of messages per second whose visibility timeout is extended. At this rate a pass over 120,000 messages
 * takes 40 minutes. So each of their timeouts must last that long, also after a crash.
 */
const extendedPerSecond = 50;

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html (read 2026-11-25) */
const maxVisibilitySeconds = 43_200;

/** Number of times that the messages are checked within one visibility timeout. */
const checksPerHold = 8;

/** Creates an empty set of messages, and starts a timer that extends the set's messages until `stop` is called. */
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
    // If a request is not answered, the next check tries to extend the same messages again.
    const { successful, refused } = await changeVisibility(holding, due, () => seconds);
    // A message that was released or received again during the request must not be changed here.
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
