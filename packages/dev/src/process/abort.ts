// Work that waits for a signal. A signal may live longer than the work, so that no listener stays.

import { within } from "./within.ts";

/** Calls the listener when the signal aborts. Returns a function that removes the listener. */
export const onAbort = (signal: AbortSignal | undefined, listener: () => void): (() => void) => {
  signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
};

/** Resolves when the signal aborts, or the work has ended. */
const untilAborted = async (signal: AbortSignal, ended: Promise<void>): Promise<void> => {
  if (signal.aborted) return;
  let release = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    release = onAbort(signal, resolve);
  });
  await Promise.race([aborted, ended]);
  release();
};

/** What to do with a call that does not end. */
interface CallEnd {
  readonly signal: AbortSignal;
  /** Time that the call has after its abort. */
  readonly maxMs: number;
  /** Ends the call's process. */
  readonly kill: () => Promise<void>;
}

/** Ends the process of a call that does not end after its abort: its module's code may loop, and never return. */
export const endAfterAbort = async (call: Promise<unknown>, { signal, maxMs, kill }: CallEnd): Promise<void> => {
  const ended = call.then(
    () => undefined,
    () => undefined,
  );
  await untilAborted(signal, ended);
  await within(maxMs, ended, () => new Error("the call does not end")).catch(kill);
};
