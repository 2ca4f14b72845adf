// An item queue: the changes of one item on their way to one sink. It returns the next delivery to write, and reports
// the result of each change. Each item has its own queue, so that a failing item never blocks another item.
//
// For an upsert sink the queue begins with the last change, which replaces the earlier changes. The queue steps back to
// an earlier change only if the last change is rejected or does not concern the target. For an append sink the queue
// sends every change, oldest first, and stops at the first change that has to be retried.

import { DeadlineError } from "../errors.ts";
import type { Change } from "../record/change.ts";
import type { Delivery, WriteResult } from "../sink/sink.ts";
import { type BatchEntry, byVersion, type DeliveryResult, deliveryId, resultOf } from "./delivery-result.ts";
import { effectOf, type Route } from "./route.ts";

/** Callback for the result of an entry. */
type ReportResult = (entry: BatchEntry, result: DeliveryResult) => void;

const deadlineError = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the delivery was written");

const nothingEarlier: readonly Change[] = Object.freeze([]);

/**
 * The changes of one item, and the progress of their delivery. This is a class, because a batch creates thousands of
 * queues. Closures for each queue would cost more than everything else that core does (bench: `core`).
 */
export class ItemQueue {
  readonly #route: Route;
  readonly #entries: readonly BatchEntry[];
  readonly #report: ReportResult;
  readonly #isUpsert: boolean;
  #index: number;
  #attempts = 0;
  #next: Delivery | undefined = undefined;
  #isDone = false;

  constructor(route: Route, entries: readonly BatchEntry[], report: ReportResult) {
    this.#route = route;
    this.#entries = entries;
    this.#report = report;
    this.#isUpsert = route.sink.supports.writes === "upsert";
    this.#index = this.#isUpsert ? entries.length - 1 : 0;
  }

  /** Number of attempts so far for the delivery that `next` returns. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The delivery to write next; undefined when the queue is done. Returns the same delivery until `conclude` is called. */
  next(): Delivery | undefined {
    if (this.#isDone) return undefined;
    this.#next ??= this.#find();
    return this.#next;
  }

  /** Counts a failed attempt that will be repeated within this invocation. */
  countAttempt(): void {
    this.#attempts += 1;
  }

  /** Ends the delivery that `next` returned, with the result of its write. */
  conclude(written: WriteResult): void {
    this.#attempts += 1;
    this.#end(resultOf(written, this.#attempts));
  }

  /** Ends the queue. Changes without a result are retried. */
  abandon(): void {
    if (this.#isDone || this.#entries[this.#index] === undefined) return;
    this.#end({ outcome: "retried", error: deadlineError(), attempts: this.#attempts });
  }

  #advance(): void {
    this.#index += this.#isUpsert ? -1 : 1;
    this.#attempts = 0;
    this.#next = undefined;
  }

  #find(): Delivery | undefined {
    for (let entry = this.#entries[this.#index]; entry !== undefined; entry = this.#entries[this.#index]) {
      const effect = effectOf(this.#route, entry.change);
      if (effect.kind === "write") return this.#deliveryOf(entry.change, effect.message);
      if (effect.kind === "remove") return this.#deliveryOf(entry.change, undefined);
      const attempts = this.#attempts;
      const isNone = effect.kind === "none";
      this.#report(
        entry,
        isNone ? { outcome: "filtered", attempts } : { outcome: "rejected", error: effect.error, attempts },
      );
      this.#advance();
    }
    return undefined;
  }

  #deliveryOf(change: Change<unknown>, message: unknown): Delivery {
    if (!this.#isUpsert) {
      return { change: change as Change, message, idempotencyKey: deliveryId(this.#route.name, change.eventId) };
    }
    const earlier =
      this.#index === 0 ? nothingEarlier : this.#entries.slice(0, this.#index).map((entry) => entry.change as Change);
    return { change: change as Change, message, earlier };
  }

  /** Reports the result of the current entry. Then moves to the next entry, or ends and reports the other entries. */
  #end(result: DeliveryResult): void {
    this.#report(this.#entries[this.#index] as BatchEntry, result);
    const goesOn = this.#isUpsert ? result.outcome === "rejected" : result.outcome !== "retried";
    if (goesOn) {
      this.#advance();
      return;
    }
    this.#isDone = true;
    if (this.#isUpsert) this.#reportEarlier(result);
    else for (const entry of this.#entries.slice(this.#index + 1)) this.#report(entry, { ...result, attempts: 0 });
  }

  /**
   * Gives the earlier changes the result of the last change, which replaces them. If the last change is retried, they
   * are retried too: if the retry is rejected, an earlier change must be written instead.
   */
  #reportEarlier(result: DeliveryResult): void {
    const shared: DeliveryResult = result.outcome === "retried" ? result : { outcome: "superseded", attempts: 0 };
    for (let index = 0; index < this.#index; index += 1) this.#report(this.#entries[index] as BatchEntry, shared);
  }
}

/** Groups a batch into one queue for each item, with the item's changes in the order of their versions. */
export const itemQueuesOf = (route: Route, batch: readonly BatchEntry[], report: ReportResult): ItemQueue[] => {
  const items = new Map<string, BatchEntry[]>();
  for (const entry of batch) {
    const entries = items.get(entry.change.itemKey);
    if (entries === undefined) items.set(entry.change.itemKey, [entry]);
    else entries.push(entry);
  }
  const queues: ItemQueue[] = [];
  for (const entries of items.values()) {
    if (entries.length > 1) entries.sort(byVersion);
    queues.push(new ItemQueue(route, entries, report));
  }
  return queues;
};
