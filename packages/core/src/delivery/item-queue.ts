// An item queue: the changes of one item on their way to one sink. It says what to write next and reports the result of
// each change, so that an item whose write fails never holds up another item.
//
// For an upsert sink it begins with the last change, which stands for the earlier ones, and steps back only when that
// change is rejected or means nothing to the target. For an append sink it sends every change, oldest first, and stops at
// the first that is to be retried.

import { DeadlineError } from "../errors.ts";
import type { Change } from "../record/change.ts";
import type { Delivery, WriteResult } from "../sink/sink.ts";
import { type BatchEntry, byVersion, type DeliveryResult, deliveryId, resultOf } from "./delivery-result.ts";
import { effectOf, type Route } from "./route.ts";

/** Takes the result of an entry. */
type Report = (entry: BatchEntry, result: DeliveryResult) => void;

const deadlineError = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the delivery was written");

const nothingEarlier: readonly Change[] = Object.freeze([]);

/**
 * The changes of one item, and how far they are. A class because a batch makes thousands: closures for each cost more
 * than all else that core does (bench: `core`).
 */
export class ItemQueue {
  readonly #route: Route;
  readonly #entries: readonly BatchEntry[];
  readonly #report: Report;
  readonly #isUpsert: boolean;
  #index: number;
  #attempts = 0;
  #next: Delivery | undefined = undefined;
  #isDone = false;

  constructor(route: Route, entries: readonly BatchEntry[], report: Report) {
    this.#route = route;
    this.#entries = entries;
    this.#report = report;
    this.#isUpsert = route.sink.supports.writes === "upsert";
    this.#index = this.#isUpsert ? entries.length - 1 : 0;
  }

  /** Attempts of the delivery that `next` answers. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The delivery to write next; undefined when the queue is done. The same one until `conclude` is called. */
  next(): Delivery | undefined {
    if (this.#isDone) return undefined;
    this.#next ??= this.#find();
    return this.#next;
  }

  /** Counts an attempt that failed and will be repeated within this invocation. */
  countAttempt(): void {
    this.#attempts += 1;
  }

  /** Takes the result of the write of `next`. */
  conclude(written: WriteResult): void {
    this.#attempts += 1;
    this.#end(resultOf(written, this.#attempts));
  }

  /** Ends the queue: what has no result yet is retried. */
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

  /** Reports the entry at the index and all others that share its result, and goes on or ends. */
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
   * The earlier changes share the result of the last one, which stands for them. If they were settled while it is
   * retried, and the retry were rejected, they would never be written.
   */
  #reportEarlier(result: DeliveryResult): void {
    const shared: DeliveryResult = result.outcome === "retried" ? result : { outcome: "superseded", attempts: 0 };
    for (let index = 0; index < this.#index; index += 1) this.#report(this.#entries[index] as BatchEntry, shared);
  }
}

/** Groups a batch by item, each item's changes in the order of their versions. */
export const itemQueuesOf = (route: Route, batch: readonly BatchEntry[], report: Report): ItemQueue[] => {
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
