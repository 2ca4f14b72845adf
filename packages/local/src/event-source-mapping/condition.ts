// Lets loops wait for each other.

/** Wakes everyone who waits. Whoever starts to wait afterwards waits for the next time. */
export interface Latch {
  readonly notify: () => void;
  readonly wait: () => Promise<void>;
}

export const latch = (): Latch => {
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
