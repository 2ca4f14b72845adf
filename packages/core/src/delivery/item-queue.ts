// A lane: the changes of one item on their way to one sink. It says what to write next and remembers what became of
// each change, so that one failing item never holds up another.
//
// An upsert lane starts with the last change, which stands for the earlier ones, and steps back only when it is
// rejected or means nothing to the target. An append lane sends every change, oldest first, and stops at the first
// that must come again.

import { DeadlineError, type DeliveryError, outcomeOf } from "../errors.ts";
import type { Change } from "../record/change.ts";
import type { Delivery, Settlement } from "../sink/sink.ts";
import { effectOf, type Route } from "./route.ts";

export type Outcome = "delivered" | "superseded" | "filtered" | "rejected" | "retried";

/** What became of one delivery. `tries` counts the writes that were attempted. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly error?: DeliveryError;
  readonly tries: number;
  /** Retried from the retry queue: the stream need not bring it again. */
  readonly isSpilled?: true;
}

/** One change of a batch, at its place there. */
export interface Entry {
  readonly position: number;
  readonly change: Change<unknown>;
}

type Judge = (entry: Entry, verdict: Verdict) => void;

/** Names one delivery: equal on every repeat of the change, different for different changes and routes. */
export const idOf = (route: string, eventId: string): string => `${eventId}:${route}`;

const deadlineError = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the delivery was written");

const nothingEarlier: readonly Change[] = Object.freeze([]);

/** The commonest verdict, once for all. */
const deliveredAtOnce: Verdict = Object.freeze({ outcome: "delivered", tries: 1 });

const verdictOf = (settlement: Settlement, tries: number): Verdict => {
  if (settlement.outcome === "delivered" && tries === 1) return deliveredAtOnce;
  if (settlement.outcome !== "failed") return { outcome: settlement.outcome, tries };
  const { error } = settlement;
  return { outcome: outcomeOf(error.code) === "reject" ? "rejected" : "retried", error, tries };
};

/**
 * The changes of one item, and how far they are. A class because a batch makes thousands: closures for each cost more
 * than all else that core does (bench: `core`).
 */
export class Lane {
  readonly #route: Route;
  readonly #entries: readonly Entry[];
  readonly #judge: Judge;
  readonly #isUpsert: boolean;
  #index: number;
  #tries = 0;
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
  get tries(): number {
    return this.#tries;
  }

  /** What to write next; undefined when the lane is done. The same until it is settled. */
  next(): Delivery | undefined {
    if (this.#isDone) return undefined;
    this.#pending ??= this.#find();
    return this.#pending;
  }

  /** Counts a try that failed and will be repeated within this invocation. */
  countTry(): void {
    this.#tries += 1;
  }

  /** Takes what became of the delivery. */
  settle(settlement: Settlement): void {
    this.#tries += 1;
    this.#conclude(verdictOf(settlement, this.#tries));
  }

  /** Ends the lane: what is unsettled comes again. */
  abandon(): void {
    if (this.#isDone || this.#entries[this.#index] === undefined) return;
    this.#conclude({ outcome: "retried", error: deadlineError(), tries: this.#tries });
  }

  #advance(): void {
    this.#index += this.#isUpsert ? -1 : 1;
    this.#tries = 0;
    this.#pending = undefined;
  }

  #find(): Delivery | undefined {
    for (let entry = this.#entries[this.#index]; entry !== undefined; entry = this.#entries[this.#index]) {
      const effect = effectOf(this.#route, entry.change);
      if (effect.kind === "write") return this.#deliveryOf(entry.change, effect.message);
      if (effect.kind === "remove") return this.#deliveryOf(entry.change, undefined);
      const tries = this.#tries;
      this.#judge(
        entry,
        effect.kind === "none" ? { outcome: "filtered", tries } : { outcome: "rejected", error: effect.error, tries },
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
  #conclude(verdict: Verdict): void {
    this.#judge(this.#entries[this.#index] as Entry, verdict);
    const goesOn = this.#isUpsert ? verdict.outcome === "rejected" : verdict.outcome !== "retried";
    if (goesOn) {
      this.#advance();
      return;
    }
    this.#isDone = true;
    if (this.#isUpsert) this.#judgeEarlier(verdict);
    else for (const entry of this.#entries.slice(this.#index + 1)) this.#judge(entry, { ...verdict, tries: 0 });
  }

  /**
   * The earlier changes share the fate of the one that stands for them. Were they settled while it comes again, a later
   * rejection of it would have hidden them.
   */
  #judgeEarlier(verdict: Verdict): void {
    const fate: Verdict = verdict.outcome === "retried" ? verdict : { outcome: "superseded", tries: 0 };
    for (let index = 0; index < this.#index; index += 1) this.#judge(this.#entries[index] as Entry, fate);
  }
}

const byVersion = (a: Entry, b: Entry): number =>
  a.change.version < b.change.version ? -1 : a.change.version > b.change.version ? 1 : a.position - b.position;

/** Groups a batch by item, each item's changes in the order of their versions. */
export const lanesOf = (route: Route, batch: readonly Entry[], judge: Judge): Lane[] => {
  const items = new Map<string, Entry[]>();
  for (const entry of batch) {
    const entries = items.get(entry.change.itemKey);
    if (entries === undefined) items.set(entry.change.itemKey, [entry]);
    else entries.push(entry);
  }
  const lanes: Lane[] = [];
  for (const entries of items.values()) {
    if (entries.length > 1) entries.sort(byVersion);
    lanes.push(new Lane(route, entries, judge));
  }
  return lanes;
};
