// A clock that runs faster than the machine's, so that a minute's outage passes in a test beside real engines.

import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "@sluice/core";

/** Runs `factor` times as fast, from a time of its own. Its sleeps take an optional signal. */
export const hurriedClock = (
  factor: number,
  startMs: number,
): Clock & { readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void> } => {
  const startedAt = performance.now();
  return {
    now: () => startMs + Math.floor((performance.now() - startedAt) * factor),
    sleep: async (ms, signal) => {
      try {
        // Not to wait for at the end: an environment that died in its sleep never wakes.
        await wait(ms / factor, undefined, { ref: false, ...(signal && { signal }) });
      } catch (error) {
        if (!signal?.aborted) throw error;
      }
    },
    random: Math.random,
  };
};
