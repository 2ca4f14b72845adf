// Messages of a queue that are held: their visibility timeout is renewed until they are released, so that nobody else
// receives them meanwhile. Should this process die, they come back by themselves.

import { askInTens, type QueueClient } from "./queue-client.ts";

/** Where messages are held, and for how long at a time. */
export interface Holding {
  readonly client: QueueClient;
  readonly queueUrl: string;
  /** Seconds until a message comes back that is not renewed. */
  readonly holdSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A message that was held. */
export interface Released {
  readonly id: string;
  readonly receiptHandle: string;
}

export interface HeldMessages {
  readonly size: () => number;
  readonly has: (id: string) => boolean;
  readonly ids: () => string[];
  /** Holds a message from its receive on; one that was received again gets its new receipt handle. */
  readonly hold: (id: string, receiptHandle: string) => void;
  /** Lets go of messages. Resolves when no renewal is under way that would hide them again. */
  readonly release: (ids: readonly string[]) => Promise<Released[]>;
  /** Messages that could not be renewed: others may receive them. */
  readonly lapsed: () => number;
  /** Renews nothing any more. */
  readonly stop: () => void;
}

interface Held {
  readonly receiptHandle: string;
  /** Milliseconds since the epoch; past any time for one that cannot be renewed. */
  readonly until: number;
}

/**
 * Messages that are renewed in a second, at most: many are held for longer at a time. 120,000 take five requests a
 * second, and 40 minutes to come back after a crash.
 */
const renewedPerSecond = 50;

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html (read 2026-11-25) */
const longestSeconds = 43_200;

/** Looks at the messages so often while they are held once. */
const looksPerHold = 8;

/** Renews messages; answers those that SQS refused to, and those that it gave no answer for. */
const renewAll = async (
  { client, queueUrl }: Holding,
  messages: readonly (readonly [id: string, held: Held])[],
  VisibilityTimeout: number,
): Promise<{ readonly refused: ReadonlySet<string>; readonly unanswered: ReadonlySet<string> }> => {
  const { refused, unanswered } = await askInTens(messages, (entries) =>
    client.changeMessageVisibilityBatch({
      QueueUrl: queueUrl,
      Entries: entries.map(({ Id, value: [, { receiptHandle }] }) => ({
        Id,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout,
      })),
    }),
  );
  return { refused: new Set(refused.map(([id]) => id)), unanswered: new Set(unanswered.map(([id]) => id)) };
};

export const heldMessages = (holding: Holding): HeldMessages => {
  const { holdSeconds, now } = holding;
  const held = new Map<string, Held>();
  const lapsed = new Set<string>();
  let renewing: Promise<void> | undefined;

  /** Renews what has less than half of a hold left. */
  const renew = async (): Promise<void> => {
    const seconds = Math.min(longestSeconds, Math.max(holdSeconds, Math.ceil(held.size / renewedPerSecond)));
    const soon = now() + (holdSeconds * 1_000) / 2;
    const due = [...held].filter(([, { until }]) => until < soon);
    const { refused, unanswered } = await renewAll(holding, due, seconds);
    const until = now() + seconds * 1_000;
    for (const [id, one] of due) {
      // It may have been released or received again meanwhile; what was not answered is asked for again.
      if (held.get(id) !== one || unanswered.has(id)) continue;
      if (refused.has(id)) lapsed.add(id);
      held.set(id, { ...one, until: refused.has(id) ? Number.POSITIVE_INFINITY : until });
    }
  };

  const timer = setInterval(
    () => {
      renewing ??= renew().finally(() => {
        renewing = undefined;
      });
    },
    (holdSeconds * 1_000) / looksPerHold,
  );

  return {
    size: () => held.size,
    has: (id) => held.has(id),
    ids: () => [...held.keys()],
    hold: (id, receiptHandle) => void held.set(id, { receiptHandle, until: now() + holdSeconds * 1_000 }),
    release: async (ids) => {
      const released = ids.flatMap((id) => {
        const one = held.get(id);
        held.delete(id);
        return one === undefined ? [] : [{ id, receiptHandle: one.receiptHandle }];
      });
      await renewing;
      return released;
    },
    lapsed: () => lapsed.size,
    stop: () => clearInterval(timer),
  };
};
