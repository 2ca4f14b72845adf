// An item queue: the changes of one item on their way to one sink. It returns the next delivery to write, and reports
// the result of each change. Each item has its own queue, so that a failing item never blocks another item.
//
// For an upsert sink the queue begins with the last change, which replaces the earlier changes. The queue steps back to
// an earlier change only if the last change is rejected or does not concern the target. For an append sink the queue
// sends every change, oldest first, and stops at the first change that has to be retried. If a change is rejected, the
// queue waits until the dead letter is stored. Otherwise the change would be retried after later changes were sent.

import { DeadlineError } from "../errors.ts";
import type { Change } from "../record/change.ts";
import type { Delivery, WriteResult } from "../sink/sink.ts";
import { type BatchEntry, byVersion, type DeliveryResult, resultOf } from "./delivery-result.ts";
import { effectOf, type PriorCopy, type SharedRoute } from "./route.ts";

/** Callback for the result of an entry. */
type ReportResult = (entry: BatchEntry, result: DeliveryResult) => void;

/** A rejected change that still needs its dead letter. */
export interface Rejection {
  readonly entry: BatchEntry;
  readonly result: DeliveryResult;
}

const deadlineError = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the delivery was written");

const nothingEarlier: readonly Change[] = Object.freeze([]);

/**
 * The changes of one item, and the progress of their delivery. This is a class, because a batch creates thousands of
 * queues. Closures for each queue would cost more than everything else that core does (bench: `core`).
 */
export class ItemQueue {
  readonly #route: SharedRoute;
  readonly #entries: readonly BatchEntry[];
  readonly #report: ReportResult;
  readonly #isUpsert: boolean;
  #index: number;
  #attempts = 0;
  #next: Delivery | undefined = undefined;
  #isDone = false;
  #rejection: DeliveryResult | undefined = undefined;
  /** Whether the next delivery removes a copy that probably never existed. */
  #isPrecaution = false;

  constructor(route: SharedRoute, entries: readonly BatchEntry[], report: ReportResult) {
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

  /** The rejected change whose dead letter must be stored before the queue continues. */
  get rejection(): Rejection | undefined {
    const entry = this.#entries[this.#index];
    return this.#rejection && entry && { entry, result: this.#rejection };
  }

  /** The delivery to write next; undefined when the queue is done or waits. Returns the same delivery until `conclude`. */
  next(): Delivery | undefined {
    if (this.#isDone || this.#rejection !== undefined) return undefined;
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
    this.#end(this.#settled(resultOf(written, this.#attempts)));
  }

  /** A precaution is filtered if the target has no copy that the precaution could remove. */
  #settled(result: DeliveryResult): DeliveryResult {
    const isNeedless = this.#isPrecaution && result.outcome === "superseded";
    return isNeedless ? { outcome: "filtered", attempts: result.attempts } : result;
  }

  /** Continues after a rejection if its dead letter is stored. Otherwise the change and all later ones are retried. */
  resume(isStored: boolean): void {
    const rejection = this.#rejection as DeliveryResult;
    this.#rejection = undefined;
    if (!isStored) {
      this.#stop({ ...rejection, outcome: "retried" });
      return;
    }
    this.#report(this.#entries[this.#index] as BatchEntry, { ...rejection, isStored });
    this.#advance();
  }

  /** Ends the queue. Changes without a result are retried. */
  abandon(): void {
    const entry = this.#entries[this.#index];
    if (this.#isDone || entry === undefined) return;
    if (this.#rejection !== undefined) {
      this.#report(entry, this.#rejection);
      this.#rejection = undefined;
      this.#advance();
    }
    this.#stop({ outcome: "retried", error: deadlineError(), attempts: this.#attempts });
  }

  #advance(): void {
    this.#index += this.#isUpsert ? -1 : 1;
    this.#attempts = 0;
    this.#next = undefined;
    this.#isPrecaution = false;
  }

  #find(): Delivery | undefined {
    for (let entry = this.#entries[this.#index]; entry !== undefined; entry = this.#entries[this.#index]) {
      const effect = effectOf(this.#route, entry.change);
      if (effect.kind === "write") return this.#deliveryOf(entry.change, effect.message);
      if (effect.kind === "remove") return this.#removalOf(entry.change, effect.copy);
      const attempts = this.#attempts;
      if (effect.kind === "none") {
        this.#report(entry, { outcome: "filtered", attempts });
        this.#advance();
      } else if (!this.#reject(entry, { outcome: "rejected", error: effect.error, attempts })) return undefined;
    }
    return undefined;
  }

  /** Ends a rejected change. Returns false if the queue must wait for the dead letter. */
  #reject(entry: BatchEntry, result: DeliveryResult): boolean {
    if (!this.#isUpsert && this.#index + 1 < this.#entries.length) {
      this.#rejection = result;
      return false;
    }
    this.#report(entry, result);
    this.#advance();
    return true;
  }

  #deliveryOf(change: Change<unknown>, message: unknown): Delivery {
    if (!this.#isUpsert) {
      return { change: change as Change, message, idempotencyKey: change.eventId + this.#route.idSuffix };
    }
    return { change: change as Change, message, earlier: this.#earlier() };
  }

  #removalOf(change: Change<unknown>, copy: PriorCopy): Delivery {
    const removal = { change: change as Change, message: undefined, earlier: this.#earlier() };
    this.#isPrecaution = copy === "unlikely";
    if (!this.#isPrecaution) return removal;
    // The tombstone also replaces the earlier changes of the batch, so it is needed if there are any.
    const isTombstoneNeeded = this.#route.tombstones === "always" || this.#index > 0;
    return { ...removal, isPrecaution: true, ...(!isTombstoneNeeded && { onlyIfPresent: true }) };
  }

  #earlier(): readonly Change[] {
    return this.#index === 0
      ? nothingEarlier
      : this.#entries.slice(0, this.#index).map((entry) => entry.change as Change);
  }

  /** Reports the result of the current entry. Then moves to the next entry, or ends and reports the other entries. */
  #end(result: DeliveryResult): void {
    const entry = this.#entries[this.#index] as BatchEntry;
    const { outcome } = result;
    if (outcome === "rejected") this.#reject(entry, result);
    else if (outcome === "retried" || (this.#isUpsert && outcome !== "filtered")) this.#stop(result);
    else {
      this.#report(entry, result);
      this.#advance();
    }
  }

  #stop(result: DeliveryResult): void {
    this.#report(this.#entries[this.#index] as BatchEntry, result);
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

/** Reports a result also for the repeats of an entry: the same record twice in one event. */
const reportWith =
  (repeats: ReadonlyMap<BatchEntry, readonly BatchEntry[]>, report: ReportResult): ReportResult =>
  (entry, result) => {
    report(entry, result);
    for (const repeat of repeats.get(entry) ?? [])
      report(repeat, result.outcome === "delivered" ? deliveredTwice : result);
  };

const deliveredTwice: DeliveryResult = Object.freeze({ outcome: "superseded", attempts: 0 });

/** Creates the queue of one item. The entries are sorted by version, so repeats follow each other. */
const itemQueue = (route: SharedRoute, entries: readonly BatchEntry[], report: ReportResult): ItemQueue => {
  const unique: BatchEntry[] = [];
  const repeats = new Map<BatchEntry, BatchEntry[]>();
  for (const entry of entries) {
    const last = unique.at(-1);
    if (last !== undefined && isRepeat(last, entry)) repeats.set(last, [...(repeats.get(last) ?? []), entry]);
    else unique.push(entry);
  }
  return new ItemQueue(route, unique, repeats.size === 0 ? report : reportWith(repeats, report));
};

const isRepeat = ({ change: one }: BatchEntry, { change: other }: BatchEntry): boolean =>
  one.version === other.version && one.eventId === other.eventId;

/** Groups a batch into one queue for each item, with the item's changes in the order of their versions. */
export const itemQueuesOf = (route: SharedRoute, batch: readonly BatchEntry[], report: ReportResult): ItemQueue[] => {
  const items = new Map<string, BatchEntry[]>();
  for (const entry of batch) {
    const entries = items.get(entry.change.itemKey);
    if (entries === undefined) items.set(entry.change.itemKey, [entry]);
    else entries.push(entry);
  }
  const queues: ItemQueue[] = [];
  for (const entries of items.values()) {
    queues.push(
      entries.length === 1 ? new ItemQueue(route, entries, report) : itemQueue(route, entries.sort(byVersion), report),
    );
  }
  return queues;
};
