// Virtual time. Events run in the order of their times, and all promises settle between two events.

/** Waits until every promise that can settle has settled. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface ScheduledEvent {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** The time and the waiting events of one simulated world. */
export class Scheduler {
  now = 1_767_323_045_000;
  #order = 0;
  readonly #heap: ScheduledEvent[] = [];

  /** Number of events that have run. */
  events = 0;

  /** Runs a function after this many milliseconds of virtual time. */
  after(ms: number, run: () => void): void {
    this.#order += 1;
    this.#heap.push({ at: this.now + Math.max(0, ms), order: this.#order, run });
    this.#rise(this.#heap.length - 1);
  }

  /** Runs events until `isDone`, until no event is left, or until `maxEvents` have run. Returns whether it is done. */
  async runUntil(isDone: () => boolean, maxEvents: number): Promise<boolean> {
    await settle();
    for (let count = 0; count < maxEvents; count += 1) {
      if (isDone()) return true;
      const next = this.#pop();
      if (next === undefined) return isDone();
      this.now = next.at;
      this.events += 1;
      next.run();
      await settle();
    }
    return isDone();
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(this.#at(index), this.#at(parent))) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #at(index: number): ScheduledEvent {
    return this.#heap[index] as ScheduledEvent;
  }

  #swap(one: number, other: number): void {
    [this.#heap[one], this.#heap[other]] = [this.#at(other), this.#at(one)];
  }

  #pop(): ScheduledEvent | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.#heap[0] = last;
    let index = 0;
    for (;;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < this.#heap.length && isBefore(this.#at(child), this.#at(least))) least = child;
      }
      if (least === index) return first;
      this.#swap(index, least);
      index = least;
    }
  }
}
