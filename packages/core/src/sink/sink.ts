// The contract between core and a sink. docs/spec/sink.md numbers the clauses that types cannot say; the conformance
// kit in @sluice/testing has a case for each.

import type { DeliveryError } from "../errors.ts";
import type { Change, LiveChange } from "../record/change.ts";

/** `upsert`: the target holds the last state of each item. `append`: the target is sent every change. */
export type WriteMode = "upsert" | "append";

/**
 * How repeats of a change are kept from an append target. `native`: the target discards them by idempotency key.
 * `on-failure`: deliveries are noted when their batch is about to be retried. `always`: each delivery is leased in a
 * store before it is sent. `none`: repeats are sent again.
 */
export type Dedupe = "native" | "on-failure" | "always" | "none";

/** What one item's copy in an upsert target should become. */
export interface UpsertDelivery<Message> {
  readonly change: Change;
  /** What the target should hold for the item; undefined: nothing, so write the tombstone. */
  readonly message: Message | undefined;
  /**
   * Earlier changes of the same item that this delivery stands for, oldest first. A sink whose target key can move
   * needs them to clear every key on the way; others ignore them.
   */
  readonly earlier: readonly Change[];
}

/** One message on its way to an append target. */
export interface AppendDelivery<Message> {
  readonly change: Change;
  readonly message: Message;
  /** From event id and route: equal on every repeat of the change, different for different changes. */
  readonly idempotencyKey: string;
}

/** The delivery type of a write mode. A conditional and not a look-up, because TypeScript infers through it. */
export type DeliveryOf<Message, Writes extends WriteMode> = Writes extends "upsert"
  ? UpsertDelivery<Message>
  : AppendDelivery<Message>;

export type Delivery = UpsertDelivery<unknown> | AppendDelivery<unknown>;

/** What became of one delivery. It points back by identity, never by position. */
export type WriteResult =
  | { readonly delivery: Delivery; readonly outcome: "delivered" | "superseded" }
  | { readonly delivery: Delivery; readonly outcome: "failed"; readonly error: DeliveryError };

/** The target took the delivery. */
export const delivered = (delivery: Delivery): WriteResult => ({ delivery, outcome: "delivered" });

/** The target already holds this version of the item or a newer one, so nothing was written. */
export const superseded = (delivery: Delivery): WriteResult => ({ delivery, outcome: "superseded" });

/** The target did not take the delivery. What happens next follows from the error's code. */
export const failed = (delivery: Delivery, error: DeliveryError): WriteResult => ({
  delivery,
  outcome: "failed",
  error,
});

/** What a sink may know of the invocation. */
export interface WriteContext {
  /** Aborts when the invocation's time is nearly over. Start no request after it; settle what is in flight. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` aborts; for the timeouts of requests. */
  readonly remainingMs: () => number;
}

/** What the target does by itself. Core and the conformance kit branch on this, never on which sink it is. */
export interface Supports<Writes extends WriteMode = WriteMode> {
  readonly writes: Writes;
  /** Most deliveries that core passes to one `write`. Default: all that are ready. */
  readonly maxEntries?: number;
  /** Most `write` calls that core has in flight at once. Default 1. */
  readonly concurrency?: number;
  /**
   * How long the target itself discards a message whose idempotency key it has seen, in milliseconds: FIFO topics and
   * queues do. Default: it does not.
   */
  readonly dedupesForMs?: number;
  /**
   * How a route keeps repeats from the target unless it says otherwise: `always` where one does harm, as a mail does.
   * Default: `native` where the target discards them, else `on-failure`. Append only.
   */
  readonly dedupe?: Dedupe;
}

/**
 * Writes deliveries to one target. Made once per cold start by its factory, without I/O.
 *
 * `write` never gets two deliveries of one item in a call, nor one of an item that another call still has in flight.
 * It answers for every delivery: one that it does not name has failed with SINK_UNREPORTED. It is safe to repeat, and
 * retries nothing that core can retry. It rejects with a `SinkError` when the target as a whole is unusable.
 */
export interface Sink<Message, Writes extends WriteMode = WriteMode> {
  /** Lowercase noun for logs, metrics and dead letters: `"postgres"`. A route may rename it. */
  readonly name: string;
  readonly supports: Supports<Writes>;
  readonly write: (
    batch: readonly DeliveryOf<Message, Writes>[],
    context: WriteContext,
  ) => Promise<readonly WriteResult[]>;
  /** Answers what `write` would, as far as reading can tell, and writes nothing: for the dry run of a redrive. */
  readonly dryRun?: (
    batch: readonly DeliveryOf<Message, Writes>[],
    context: WriteContext,
  ) => Promise<readonly WriteResult[]>;
  /** Frees sockets: for tests, the CLI and the local runner. Lambda freezes instead of closing. Safe to call twice. */
  readonly close?: () => Promise<void>;
}

/** The sink with another `write`, which its `dryRun` knows nothing of. A sink may be an instance of a class, whose members no spread copies. */
export const withWrite = <Message, Writes extends WriteMode>(
  sink: Sink<Message, Writes>,
  write: Sink<Message, Writes>["write"],
): Sink<Message, Writes> => ({
  name: sink.name,
  supports: sink.supports,
  write,
  ...(sink.dryRun && { dryRun: sink.dryRun.bind(sink) }),
  close: async () => sink.close?.(),
});

/** The change that a mapper sees: for an upsert sink, only those after which the item exists. */
export interface ChangeOf<Item> {
  readonly upsert: LiveChange<Item>;
  readonly append: Change<Item>;
}

/** Makes the message for a change. Undefined: the item has no copy in this target (upsert), or nothing is sent (append). */
export type Mapper<Item, Message, Writes extends WriteMode> = (change: ChangeOf<Item>[Writes]) => Message | undefined;

/** A sink that brings its own mapping, made from its options. */
export interface MappedSink<Message, Writes extends WriteMode = WriteMode> extends Sink<Message, Writes> {
  readonly map: Mapper<unknown, Message, Writes>;
}
