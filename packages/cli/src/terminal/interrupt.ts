// Handles Ctrl-C. The first Ctrl-C asks the command to stop. The second Ctrl-C ends the process at once.

import { setMaxListeners } from "node:events";
import { exitCodes } from "../command-line/command-error.ts";

/** An abort signal that aborts when the user wants to stop the command. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** Stops listening to SIGINT and SIGTERM. */
  readonly release: () => void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

/** Listens to SIGINT and SIGTERM. When the first of them arrives, aborts `signal` and calls `onFirst`. */
export const watchInterrupts = (onFirst: () => void): Interrupt => {
  const controller = new AbortController();
  // Every request in flight listens to the signal; without this, Node would warn of a leak.
  setMaxListeners(0, controller.signal);
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
    onFirst();
  };
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of signals) process.off(signal, listener);
    },
  };
};

/** Resolves at the first Ctrl-C. */
export const interruption = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Resolves when the work is done, or at the first Ctrl-C, with undefined. The work must be one that nothing has to finish. */
export const untilInterrupted = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> =>
  Promise.race([work, interruption(signal).then(() => undefined)]);
