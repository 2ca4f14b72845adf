// The targets: an append target, a FIFO append target that discards repeats, and an upsert target with versions.

import type { AppendDelivery, UpsertDelivery } from "@sluice/core/sink-kit";

/** What a mapper of the simulator returns. */
export interface Message {
  readonly pipeline: string;
  readonly route: string;
  readonly pk: string;
  /** Revision of the item's content. */
  readonly content: string;
}

/** A message that an append target accepted. */
export interface Accepted {
  readonly message: Message;
  readonly eventId: string;
  readonly at: number;
  /** Number of the invocation that sent the message. */
  readonly invocation: number;
  /** Whether the invocation saw the answer. */
  isAnswered: boolean;
}

const deduplicationMs = 300_000;

/** An append target. A FIFO target accepts a repeated idempotency key for five minutes, but keeps nothing. */
export class AppendTarget {
  readonly isFifo: boolean;
  readonly accepted: Accepted[] = [];
  readonly #seen = new Map<string, number>();

  constructor(isFifo: boolean) {
    this.isFifo = isFifo;
  }

  take({ change, message, idempotencyKey }: AppendDelivery<Message>, at: number, invocation: number): Accepted | undefined {
    const seen = this.#seen.get(idempotencyKey);
    if (this.isFifo && seen !== undefined && at - seen < deduplicationMs) return undefined;
    this.#seen.set(idempotencyKey, at);
    const accepted = { message, eventId: change.eventId, at, invocation, isAnswered: false };
    this.accepted.push(accepted);
    return accepted;
  }
}

/** A row: a copy, or a tombstone without a message. */
export interface Row {
  readonly version: string;
  readonly message: Message | undefined;
}

/** An upsert target that follows clauses 4.2 and 4.3 of the contract. */
export class UpsertTarget {
  readonly rows = new Map<string, Row>();
  /** Versions of copies whose write was answered with success, by item. */
  readonly confirmed = new Map<string, string>();

  /** Takes a delivery. Returns whether its version was newer. */
  take({ change, message, onlyIfPresent }: UpsertDelivery<Message>): boolean {
    const held = this.rows.get(change.itemKey);
    if (held === undefined && onlyIfPresent) return false;
    if (held !== undefined && held.version >= change.version) {
      const isCopyOverTombstone = held.version === change.version && held.message === undefined && message !== undefined;
      if (!isCopyOverTombstone) return false;
    }
    this.rows.set(change.itemKey, { version: change.version, message });
    return true;
  }
}
