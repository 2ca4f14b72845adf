// A condition variable, with which loops wait for each other.

/** `notify` ends all waits that have begun. A wait that begins later lasts until the next `notify`. */
export interface Notifier {
  readonly notify: () => void;
  readonly wait: () => Promise<void>;
}

/** Creates a notifier. */
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
