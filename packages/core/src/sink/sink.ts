// The contract between core and a sink. docs/spec/sink.md numbers the clauses; the conformance kit tests each.

import type { DeliveryError } from "../errors.ts";
import type { Change, Image, LiveChange } from "../record/change.ts";

/** `upsert`: the target holds the last state of each item. `append`: the target receives every change. */
export type WriteMode = "upsert" | "append";

/**
 * How an append target is protected from repeats of a change. `native`: the target discards repeats by idempotency key.
 * `on-failure`: sent deliveries are stored when their batch is about to be retried. `always`: each delivery is leased
 * in a store before it is sent. `none`: repeats are sent again.
 */
export type Dedupe = "native" | "on-failure" | "always" | "none";

/** The state that an upsert target should have of one item. */
export interface UpsertDelivery<Message> {
  readonly change: Change;
  /** The item's copy in the target. Undefined: the target should have no copy, so the sink writes the tombstone. */
  readonly message: Message | undefined;
  /**
   * Earlier changes of the item that this delivery replaces, oldest first. A sink whose target key can change needs
   * them to remove the copies at former keys. Other sinks ignore them.
   */
  readonly earlier: readonly Change[];
  /**
   * Only without a message. True: the item probably never had a copy in the target. If the item's key cannot be a key of
   * the target, the result is then *superseded*; `encodeEach` returns this result.
   */
  readonly isPrecaution?: true;
  /**
   * Only for a precaution. True: a target that holds neither a copy nor a tombstone of the item needs no tombstone, and
   * the result is then *superseded*.
   */
  readonly onlyIfPresent?: true;
}

/** One message on its way to an append target. */
export interface AppendDelivery<Message> {
  readonly change: Change;
  readonly message: Message;
  /** Derived from event id, pipeline and route. Repeats of a change have the same key; different changes have different keys. */
  readonly idempotencyKey: string;
}

/** The delivery type of a write mode. It is a conditional type, so that TypeScript can infer the message type. */
export type DeliveryOf<Message, Writes extends WriteMode> = Writes extends "upsert"
  ? UpsertDelivery<Message>
  : AppendDelivery<Message>;

/** A delivery of either write mode. */
export type Delivery = UpsertDelivery<unknown> | AppendDelivery<unknown>;

/** The result of one delivery. Core matches a result to its delivery by the delivery object, not by position. */
export type WriteResult =
  | { readonly delivery: Delivery; readonly outcome: "delivered" | "superseded" }
  | { readonly delivery: Delivery; readonly outcome: "failed"; readonly error: DeliveryError };

/** The target took the delivery. */
export const delivered = (delivery: Delivery): WriteResult => ({ delivery, outcome: "delivered" });

/** The target already has this version of the item or a newer one, so nothing was written. See clause 4.2. */
export const superseded = (delivery: Delivery): WriteResult => ({ delivery, outcome: "superseded" });

/** The target did not take the delivery. The code of the error decides whether core retries or rejects it. */
export const failed = (delivery: Delivery, error: DeliveryError): WriteResult => ({
  delivery,
  outcome: "failed",
  error,
});

/** The part of the invocation that a sink sees. */
export interface WriteContext {
  /** Aborts when the invocation's time is nearly over. The sink then starts no request, and ends requests in flight. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` aborts, for the timeouts of requests. */
  readonly remainingMs: () => number;
}

/** The members of a copy, each as text. Two copies are equal if they have the same members with equal texts. */
export type CopyContent = { readonly [member: string]: string };

/** What an upsert target holds of one item. */
export interface HeldCopy {
  /** The version in the guard. It does not depend on the delivery in question: on its message, for example. */
  readonly version: string;
  /**
   * `live`: the target shows the item's copy. `removed`: a tombstone. `hidden`: the target holds the item's copy, but shows
   * the copy of another item that has the same target key.
   */
  readonly state: "live" | "removed" | "hidden";
  /**
   * The content of a live copy: of each member that the delivery in question would write, and of no other member. Undefined
   * if only the version is there, because another program has removed the copy.
   */
  readonly content?: CopyContent;
}

/** Which keys of a target to list. The parts divide the target: each key is in exactly one part. */
export interface KeysRequest {
  /** Number of the part, from 0. */
  readonly part: number;
  /** Number of parts. */
  readonly parts: number;
  /** Where the page before ended; undefined for the first page of the part. */
  readonly after: string | undefined;
  /** Maximum number of keys in the page. */
  readonly limit: number;
  /** Names and types of the source table's key attributes: `{ id: "S" }`. */
  readonly keyTypes: { readonly [attribute: string]: "S" | "N" | "B" };
}

/** A live copy in the target. */
export interface HeldKey {
  /** The key of the source item. Undefined if the target does not tell it: a function made the target's key. */
  readonly keys: Image | undefined;
  readonly version: string;
}

/** A page of live copies. A copy that moves while the pages are read may be missing or appear twice. */
export interface KeysPage {
  readonly keys: readonly HeldKey[];
  /** Where the next page starts; undefined after the last page of the part. */
  readonly next: string | undefined;
}

/** Capabilities of the target. Core and the conformance kit check these capabilities, and never the sink's name. */
export interface Supports<Writes extends WriteMode = WriteMode> {
  readonly writes: Writes;
  /** Maximum number of deliveries in one `write`. Default: all deliveries that are ready. */
  readonly maxEntries?: number;
  /** Maximum number of `write` calls in flight at once. Default 1. */
  readonly concurrency?: number;
  /** Milliseconds for which the target discards repeats of an idempotency key, as FIFO targets do. Default: none. */
  readonly dedupesForMs?: number;
  /**
   * Default of the route option `dedupe`, for append sinks. Set `always` if a repeat does harm, for example a second
   * mail. If undefined, the default is `native` if the target discards repeats, and otherwise `on-failure`.
   */
  readonly dedupe?: Dedupe;
}

/** The AWS resource that a sink writes. */
export interface SinkResource {
  readonly service: "dynamodb" | "events" | "sns" | "sqs";
  /** Name, ARN or URL, as the option of the sink has it. */
  readonly address: string;
}

/**
 * Writes deliveries to one target. A factory creates the sink once per cold start, without I/O.
 *
 * Two deliveries of one item are never in the same call of `write`, nor in two calls that run at the same time. `write`
 * returns a result for every delivery; a delivery without a result fails with SINK_UNREPORTED. `write` is safe to
 * repeat, and leaves retries to core. It rejects with a `SinkError` when the target as a whole is unusable.
 */
export interface Sink<Message, Writes extends WriteMode = WriteMode> {
  /** Lowercase noun for logs, metrics and dead letters: `"postgres"`. A route may rename it. */
  readonly name: string;
  /**
   * Upsert sinks: identifies the table, index or other place that the sink writes. Core makes one decision per item for
   * the routes of a pipeline whose sinks have equal texts. Default: the sink shares its target with no other sink.
   */
  readonly target?: string;
  /**
   * Upsert sinks: what all sinks of one `target` must have in common, such as the tables of nested lists. When an item moves
   * to another route, the other sink must know all that the first one wrote. A pipeline refuses routes with one target and
   * different layouts.
   */
  readonly layout?: string;
  /** The AWS resource that the sink writes: `sluice doctor` asks IAM whether the function's role may write it. */
  readonly resource?: SinkResource;
  readonly supports: Supports<Writes>;
  readonly write: (
    batch: readonly DeliveryOf<Message, Writes>[],
    context: WriteContext,
  ) => Promise<readonly WriteResult[]>;
  /** Predicts the results of `write` without writing, for the dry run of a redrive. */
  readonly dryRun?: (
    batch: readonly DeliveryOf<Message, Writes>[],
    context: WriteContext,
  ) => Promise<readonly WriteResult[]>;
  /**
   * Upsert sinks: returns what the target holds of each delivery's item, in the order of the batch; undefined for an item
   * of which it holds neither a copy nor a tombstone. Reads what other writers have written before the call. Writes nothing.
   */
  readonly read?: (
    batch: readonly UpsertDelivery<Message>[],
    context: WriteContext,
  ) => Promise<readonly (HeldCopy | undefined)[]>;
  /**
   * Upsert sinks: returns the content that the target would have after it wrote each delivery, as `read` would return it;
   * or the error with which `write` would reject the delivery. Every delivery has a message. Writes nothing.
   */
  readonly canonical?: (
    batch: readonly UpsertDelivery<Message>[],
    context: WriteContext,
  ) => Promise<readonly (CopyContent | DeliveryError)[]>;
  /**
   * Upsert sinks whose `purge` deletes tombstones: when the oldest tombstone was written; undefined without tombstones.
   * Writes nothing.
   */
  readonly oldestTombstone?: (context: WriteContext) => Promise<Date | undefined>;
  /** Upsert sinks: lists the live copies of the target, page by page. */
  readonly keys?: (request: KeysRequest, context: WriteContext) => Promise<KeysPage>;
  /**
   * Loads the code of the client, and makes no request. `handler()` calls it while the function starts, because Lambda
   * gives the start a full core and a small function only a part of one (decision 0067). If it rejects, `write` tells why.
   */
  readonly prepare?: () => Promise<void>;
  /** Closes connections, for tests, the CLI and the local runner. Lambda never calls it. Safe to call twice. */
  readonly close?: () => Promise<void>;
}

/** Returns a copy of the sink with another `write`. Copies members by name: a sink may be an instance of a class. */
export const withWrite = <Message, Writes extends WriteMode>(
  sink: Sink<Message, Writes>,
  write: Sink<Message, Writes>["write"],
): Sink<Message, Writes> => ({
  name: sink.name,
  ...(sink.target !== undefined && { target: sink.target }),
  ...(sink.layout !== undefined && { layout: sink.layout }),
  ...(sink.resource !== undefined && { resource: sink.resource }),
  supports: sink.supports,
  write,
  ...(sink.dryRun && { dryRun: sink.dryRun.bind(sink) }),
  close: async () => sink.close?.(),
});

/** The changes that a mapper gets. The mapper of an upsert sink gets only changes after which the item exists. */
export interface ChangeOf<Item> {
  readonly upsert: LiveChange<Item>;
  readonly append: Change<Item>;
}

/** Returns the message for a change. Undefined: the target should have no copy, or an append sink skips the change. */
export type Mapper<Item, Message, Writes extends WriteMode> = (change: ChangeOf<Item>[Writes]) => Message | undefined;

/** A sink that creates its own mapper from its options. */
export interface MappedSink<Message, Writes extends WriteMode = WriteMode> extends Sink<Message, Writes> {
  readonly map: Mapper<unknown, Message, Writes>;
}
