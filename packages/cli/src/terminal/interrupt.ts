// Ctrl-C: the first asks the command to stop, the second ends it.

import { exitCodes } from "../command-line/command-error.ts";

/** Whether the command was asked to stop. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** No longer listens. */
  readonly release: () => void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

/** Listens for SIGINT and SIGTERM; `onFirst` says what happens then. */
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
