// A itemQueue: the changes of one item on their way to one sink. It says what to write next and remembers what became of
// each change, so that one failing item never holds up another.
//
// An upsert itemQueue starts with the last change, which stands for the earlier ones, and steps back only when it is
// rejected or means nothing to the target. An append itemQueue sends every change, oldest first, and stops at the first
// that must come again.

import { DeadlineError, type DeliveryError, outcomeOf } from "../errors.ts";
import type { Change } from "../record/change.ts";
import type { Delivery, WriteResult } from "../sink/sink.ts";
import { effectOf, type Route } from "./route.ts";

export type Outcome = "delivered" | "superseded" | "filtered" | "rejected" | "retried";

/** What became of one delivery. `attempts` counts the writes that were attempted. */
export interface DeliveryResult {
  readonly outcome: Outcome;
  readonly error?: DeliveryError;
  readonly attempts: number;
  /** Retried from the retry queue: the stream need not bring it again. */
  readonly isQueued?: true;
}

/** One change of a batch, at its place there. */
export interface Entry {
  readonly position: number;
  readonly change: Change<unknown>;
}

type Judge = (entry: Entry, result: DeliveryResult) => void;

/** Names one delivery: equal on every repeat of the change, different for different changes and routes. */
export const idOf = (route: string, eventId: string): string => `${eventId}:${route}`;

const deadlineError = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the delivery was written");

const nothingEarlier: readonly Change[] = Object.freeze([]);

/** The commonest result, once for all. */
const deliveredAtOnce: DeliveryResult = Object.freeze({ outcome: "delivered", attempts: 1 });

const resultOf = (result: WriteResult, attempts: number): DeliveryResult => {
  if (result.outcome === "delivered" && attempts === 1) return deliveredAtOnce;
  if (result.outcome !== "failed") return { outcome: result.outcome, attempts };
  const { error } = result;
  return { outcome: outcomeOf(error.code) === "reject" ? "rejected" : "retried", error, attempts };
};

/**
 * The changes of one item, and how far they are. A class because a batch makes thousands: closures for each cost more
 * than all else that core does (bench: `core`).
 */
export class ItemQueue {
  readonly #route: Route;
  readonly #entries: readonly Entry[];
  readonly #judge: Judge;
  readonly #isUpsert: boolean;
  #index: number;
  #attempts = 0;
  #pending: Delivery | undefined = undefined;
  #isDone = false;

  constructor(route: Route, entries: readonly Entry[], judge: Judge) {
    this.#route = route;
    this.#entries = entries;
    this.#judge = judge;
    this.#isUpsert = route.sink.supports.writes === "upsert";
    this.#index = this.#isUpsert ? entries.length - 1 : 0;
  }

  /** Tries of the delivery that `next` answers. */
  get attempts(): number {
    return this.#attempts;
  }

  /** What to write next; undefined when the itemQueue is done. The same until it is settled. */
  next(): Delivery | undefined {
    if (this.#isDone) return undefined;
    this.#pending ??= this.#find();
    return this.#pending;
  }

  /** Counts a try that failed and will be repeated within this invocation. */
  countAttempt(): void {
    this.#attempts += 1;
  }

  /** Takes what became of the delivery. */
  settle(result: WriteResult): void {
    this.#attempts += 1;
    this.#conclude(resultOf(result, this.#attempts));
  }

  /** Ends the itemQueue: what is unsettled comes again. */
  abandon(): void {
    if (this.#isDone || this.#entries[this.#index] === undefined) return;
    this.#conclude({ outcome: "retried", error: deadlineError(), attempts: this.#attempts });
  }

  #advance(): void {
    this.#index += this.#isUpsert ? -1 : 1;
    this.#attempts = 0;
    this.#pending = undefined;
  }

  #find(): Delivery | undefined {
    for (let entry = this.#entries[this.#index]; entry !== undefined; entry = this.#entries[this.#index]) {
      const effect = effectOf(this.#route, entry.change);
      if (effect.kind === "write") return this.#deliveryOf(entry.change, effect.message);
      if (effect.kind === "remove") return this.#deliveryOf(entry.change, undefined);
      const attempts = this.#attempts;
      this.#judge(
        entry,
        effect.kind === "none"
          ? { outcome: "filtered", attempts }
          : { outcome: "rejected", error: effect.error, attempts },
      );
      this.#advance();
    }
    return undefined;
  }

  #deliveryOf(change: Change<unknown>, message: unknown): Delivery {
    if (!this.#isUpsert) {
      return { change: change as Change, message, idempotencyKey: idOf(this.#route.name, change.eventId) };
    }
    const earlier =
      this.#index === 0 ? nothingEarlier : this.#entries.slice(0, this.#index).map((entry) => entry.change as Change);
    return { change: change as Change, message, earlier };
  }

  /** Judges the entry at the index and every other that shares its fate, and goes on or ends. */
  #conclude(result: DeliveryResult): void {
    this.#judge(this.#entries[this.#index] as Entry, result);
    const goesOn = this.#isUpsert ? result.outcome === "rejected" : result.outcome !== "retried";
    if (goesOn) {
      this.#advance();
      return;
    }
    this.#isDone = true;
    if (this.#isUpsert) this.#judgeEarlier(result);
    else for (const entry of this.#entries.slice(this.#index + 1)) this.#judge(entry, { ...result, attempts: 0 });
  }

  /**
   * The earlier changes share the fate of the one that stands for them. Were they settled while it comes again, a later
   * rejection of it would have hidden them.
   */
  #judgeEarlier(result: DeliveryResult): void {
    const fate: DeliveryResult = result.outcome === "retried" ? result : { outcome: "superseded", attempts: 0 };
    for (let index = 0; index < this.#index; index += 1) this.#judge(this.#entries[index] as Entry, fate);
  }
}

const byVersion = (a: Entry, b: Entry): number =>
  a.change.version < b.change.version ? -1 : a.change.version > b.change.version ? 1 : a.position - b.position;

/** Groups a batch by item, each item's changes in the order of their versions. */
export const itemQueuesOf = (route: Route, batch: readonly Entry[], judge: Judge): ItemQueue[] => {
  const items = new Map<string, Entry[]>();
  for (const entry of batch) {
    const entries = items.get(entry.change.itemKey);
    if (entries === undefined) items.set(entry.change.itemKey, [entry]);
    else entries.push(entry);
  }
  const itemQueues: ItemQueue[] = [];
  for (const entries of items.values()) {
    if (entries.length > 1) entries.sort(byVersion);
    itemQueues.push(new ItemQueue(route, entries, judge));
  }
  return itemQueues;
};
