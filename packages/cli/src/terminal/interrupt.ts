// Ctrl-C: the first one asks the command to stop, the second one ends the process.

import { exitCodes } from "../command-line/command-error.ts";

/** A request to stop the command. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** Stops listening. */
  readonly release: () => void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

/** Listens for SIGINT and SIGTERM. Calls `onFirst` for the first signal. */
export const watchInterrupts = (onFirst: () => void): Interrupt => {
  const controller = new AbortController();
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
