// A condition variable: loops wait here for each other.

/** Wakes everyone who waits. A wait that begins later lasts until the next notification. */
export interface Notifier {
  readonly notify: () => void;
  readonly wait: () => Promise<void>;
}

/** Makes a notifier without waiters. */
export const notifier = (): Notifier => {
  let waiting: (() => void)[] = [];
  return {
    notify: () => {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    wait: () => new Promise((resolve) => waiting.push(resolve)),
  };
};
