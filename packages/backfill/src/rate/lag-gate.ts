// Pauses a run while the live stream is behind, because both write to the same targets.

import { systemClock, untilAborted } from "@sluice/core/sink-kit";
import type { RateClock } from "./bucket.ts";

/** A gate that is closed while the live stream's lag is above a limit. All units of a process share it. */
export interface LagGate {
  /** Resolves when the gate is open, or as soon as the signal aborts. */
  readonly pass: (signal: AbortSignal) => Promise<void>;
  /** The last known lag in milliseconds; undefined if unknown. */
  readonly lagMs: () => number | undefined;
  readonly isClosed: () => boolean;
}

/** Options of `lagGate`. */
export interface LagGateOptions {
  /** Returns the lag in milliseconds; undefined if unknown, for example because nothing was changed. */
  readonly read: (signal: AbortSignal) => Promise<number | undefined>;
  /** The gate is closed while the lag is above this number of milliseconds. */
  readonly aboveMs: number;
  /** Milliseconds between two reads of the lag. */
  readonly everyMs: number;
  /** Called when `read` rejects. The lag is then unknown, and the gate open. */
  readonly onReadError?: ((error: unknown) => void) | undefined;
  readonly clock?: RateClock | undefined;
}

/** Creates the gate. */
export const lagGate = ({ read, aboveMs, everyMs, onReadError, clock = systemClock }: LagGateOptions): LagGate => {
  let lagMs: number | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const readLag = async (signal: AbortSignal): Promise<void> => {
    try {
      lagMs = await read(signal);
    } catch (error) {
      if (!signal.aborted) {
        lagMs = undefined;
        onReadError?.(error);
      }
    }
    // A read that was aborted does not count, because other units wait for the same gate with other signals.
    if (!signal.aborted) readAt = clock.now();
    reading = undefined;
  };
  const isClosed = (): boolean => lagMs !== undefined && lagMs > aboveMs;
  const refresh = (signal: AbortSignal): Promise<void> => {
    const age = clock.now() - readAt;
    // A clock that is set back gives a negative age.
    if (age >= 0 && age < everyMs) return Promise.resolve();
    reading ??= readLag(signal);
    return untilAborted(reading, signal, () => new Error("aborted")).catch(() => {});
  };
  return {
    pass: async (signal) => {
      if (signal.aborted) return;
      await refresh(signal);
      while (isClosed() && !signal.aborted) {
        await clock.sleep(everyMs, signal);
        if (!signal.aborted) await refresh(signal);
      }
    },
    lagMs: () => lagMs,
    isClosed,
  };
};
