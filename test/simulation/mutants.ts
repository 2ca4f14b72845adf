// Broken parts of a world. Each breaks one promise that an oracle checks, so each oracle is shown to be able to fail.

import type { AppendDelivery, DedupeStore, UpsertDelivery } from "@sluice/core/sink-kit";
import { memoryDedupe } from "@sluice/testing";
import { Queue, type QueueMessage } from "./queue.ts";
import { type Accepted, AppendTarget, type Message, UpsertTarget } from "./targets.ts";
import { type Parts, realParts } from "./world.ts";

/** A broken part, and the oracle that must find it. */
export interface Mutant {
  readonly oracle: "loss" | "order" | "repeat" | "convergence" | "filter" | "deletion" | "progress";
  readonly parts: Partial<Parts>;
}

/** Answers that every message was accepted, and keeps nine of ten. */
class ForgetfulAppendTarget extends AppendTarget {
  #count = 0;

  override take(delivery: AppendDelivery<Message>, at: number, invocation: number): Accepted | undefined {
    this.#count += 1;
    return this.#count % 10 === 0 ? undefined : super.take(delivery, at, invocation);
  }
}

/** Keeps a message twice. */
class DoublingAppendTarget extends AppendTarget {
  override take(delivery: AppendDelivery<Message>, at: number, invocation: number): Accepted | undefined {
    const taken = super.take(delivery, at, invocation);
    if (taken !== undefined) this.accepted.push({ ...taken, isAnswered: true });
    return taken;
  }
}

/** Takes every delivery, whatever version it holds. */
class UnguardedUpsertTarget extends UpsertTarget {
  override take({ change, message }: UpsertDelivery<Message>): boolean {
    this.rows.set(this.rowOf(change.keys), new Map([[change.itemKey, { version: change.version, message }]]));
    return true;
  }
}

/** Leaves no tombstones, so that late changes bring removed items back. */
class ForgetfulUpsertTarget extends UpsertTarget {
  override take(delivery: UpsertDelivery<Message>): boolean {
    const isTaken = super.take(delivery);
    if (isTaken && delivery.message === undefined)
      this.rows.get(this.rowOf(delivery.change.keys))?.delete(this.ownerOf(delivery));
    return isTaken;
  }
}

/** Follows the contract without the exception for a removal and a message of one version. */
class StrictUpsertTarget extends UpsertTarget {
  override take(delivery: UpsertDelivery<Message>): boolean {
    const held = this.rows.get(this.rowOf(delivery.change.keys))?.get(this.ownerOf(delivery));
    return held?.version === delivery.change.version ? false : super.take(delivery);
  }
}

/** Keeps one version for each row, whichever item has written it. */
class OwnerlessUpsertTarget extends UpsertTarget {
  override ownerOf(): string {
    return "all items";
  }
}

/** Loses every fourth message that it has accepted. */
class LossyQueue extends Queue {
  #count = 0;

  override add(...given: Parameters<Queue["add"]>): void {
    this.#count += 1;
    if (this.#count % 4 !== 0) super.add(...given);
  }
}

/** A FIFO queue that delivers the messages of a group in any order. */
class UnorderedQueue extends Queue {
  override receive(max: number, visibilityMs: number): QueueMessage[] {
    this.messages.reverse();
    const received = super.receive(1, visibilityMs);
    this.messages.reverse();
    return max > 0 ? received : [];
  }
}

/** Takes no notice of deletions. */
class StickyQueue extends Queue {
  override remove(): undefined {
    return undefined;
  }
}

/** Gives every message the same id, so that a redrive takes the letters of all deliveries for copies. */
class ConfusedQueue extends Queue {
  override add(body: string, ...rest: [string, string | undefined, number?]): void {
    super.add(JSON.stringify({ ...JSON.parse(body), id: "one" }), ...rest);
  }
}

/** A store that remembers no pending items. */
const forgetfulStore = (now: () => number): DedupeStore => {
  const store = memoryDedupe({ now });
  return { ...store, pendingItems: { ...store.pendingItems, find: async () => new Map() } };
};

const only = (name: string, create: (isFifo: boolean, now: () => number) => Queue): Partial<Parts> => ({
  queue: (given, isFifo, now) => (given === name ? create(isFifo, now) : realParts.queue(given, isFifo, now)),
});

/** All mutants, by name. */
export const mutants: Readonly<Record<string, Mutant>> = {
  "an append target that forgets messages": {
    oracle: "loss",
    parts: { appendTarget: (isFifo) => new ForgetfulAppendTarget(isFifo) },
  },
  "a dead-letter queue that loses messages": {
    oracle: "loss",
    parts: only("letters", (isFifo, now) => new LossyQueue("letters", isFifo, now)),
  },
  "a retry queue that loses messages": {
    oracle: "loss",
    parts: only("retries", (isFifo, now) => new LossyQueue("retries", isFifo, now)),
  },
  "a retry queue without order": {
    oracle: "order",
    parts: only("retries", (isFifo, now) => new UnorderedQueue("retries", isFifo, now)),
  },
  "a store without marks of pending items": { oracle: "order", parts: { store: forgetfulStore } },
  "an append target that doubles messages": {
    oracle: "repeat",
    parts: { appendTarget: (isFifo) => new DoublingAppendTarget(isFifo) },
  },
  "an upsert target that compares no versions": {
    oracle: "convergence",
    parts: { upsertTarget: (rowOf) => new UnguardedUpsertTarget(rowOf) },
  },
  "an upsert target without tombstones": {
    oracle: "convergence",
    parts: { upsertTarget: (rowOf) => new ForgetfulUpsertTarget(rowOf) },
  },
  "an upsert target in which a removal wins over a message": {
    oracle: "convergence",
    parts: { upsertTarget: (rowOf) => new StrictUpsertTarget(rowOf) },
  },
  "an upsert target whose rows have no owners": {
    oracle: "convergence",
    parts: { upsertTarget: (rowOf) => new OwnerlessUpsertTarget(rowOf) },
  },
  "a backfill that is newer than the stream": {
    oracle: "convergence",
    parts: {
      backfilled: (record) => ({ ...record, dynamodb: { ...record.dynamodb, SequenceNumber: "9".repeat(30) } }),
    },
  },
  "a dead-letter queue whose letters have one id": {
    oracle: "deletion",
    parts: only("letters", (isFifo, now) => new ConfusedQueue("letters", isFifo, now)),
  },
  "a retry queue that deletes nothing": {
    oracle: "progress",
    parts: only("retries", (isFifo, now) => new StickyQueue("retries", isFifo, now)),
  },
};
