// The targets: an append target, a FIFO append target that discards repeats, and an upsert target with versions.

import type { AppendDelivery, UpsertDelivery } from "@sluice/core/sink-kit";

/** What a mapper of the simulator returns. */
export interface Message {
  readonly pipeline: string;
  readonly route: string;
  /** Name of the item. */
  readonly item: string;
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

  take(
    { change, message, idempotencyKey }: AppendDelivery<Message>,
    at: number,
    invocation: number,
  ): Accepted | undefined {
    const seen = this.#seen.get(idempotencyKey);
    if (this.isFifo && seen !== undefined && at - seen < deduplicationMs) return undefined;
    this.#seen.set(idempotencyKey, at);
    const accepted = { message, eventId: change.eventId, at, invocation, isAnswered: false };
    this.accepted.push(accepted);
    return accepted;
  }
}

/** What one item has left in a row: a copy, or a tombstone without a message. */
export interface Entry {
  readonly version: string;
  readonly message: Message | undefined;
}

/** Returns the key of the row of an item's copy. */
export type RowOf = (keys: UpsertDelivery<Message>["change"]["keys"]) => string;

/**
 * An upsert target that follows clauses 4.2 and 4.3 of the contract. Each row keeps one entry for each item that writes
 * it (docs/decisions/0038-rows-have-owners.md), and shows the newest copy.
 */
export class UpsertTarget {
  readonly rows = new Map<string, Map<string, Entry>>();
  /** Versions of copies whose write was answered with success, by item. */
  readonly confirmed = new Map<string, string>();
  readonly rowOf: RowOf;

  constructor(rowOf: RowOf) {
    this.rowOf = rowOf;
  }

  /** The name of the entry that a delivery may change. */
  ownerOf({ change }: UpsertDelivery<Message>): string {
    return change.itemKey;
  }

  /** Takes a delivery. Returns whether its version was newer. */
  take(delivery: UpsertDelivery<Message>): boolean {
    const { change, message, onlyIfPresent } = delivery;
    const row = this.rowOf(change.keys);
    const entries = this.rows.get(row) ?? new Map<string, Entry>();
    const held = entries.get(this.ownerOf(delivery));
    if (held === undefined && onlyIfPresent) return false;
    if (held !== undefined && held.version >= change.version) {
      const isCopyOverTombstone =
        held.version === change.version && held.message === undefined && message !== undefined;
      if (!isCopyOverTombstone) return false;
    }
    entries.set(this.ownerOf(delivery), { version: change.version, message });
    this.rows.set(row, entries);
    return true;
  }

  /** The copy that a row shows. */
  shown(row: string): Message | undefined {
    let newest: Entry | undefined;
    for (const entry of this.rows.get(row)?.values() ?? []) {
      if (entry.message !== undefined && entry.version > (newest?.version ?? "")) newest = entry;
    }
    return newest?.message;
  }
}
