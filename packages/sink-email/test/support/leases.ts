// Leases in memory. Like leases in a table, these leases outlive the sinks that use them.

import type { Leases } from "@sluice/core/sink-kit";

/** Leases that a test controls. */
export interface MemoryLeases extends Leases {
  /** Keys that were acquired, but not yet completed or released. */
  readonly held: () => readonly string[];
  readonly completed: () => readonly string[];
  /** From now on, these methods fail, and all other methods succeed. */
  readonly fail: (...calls: readonly ("acquire" | "complete" | "release")[]) => void;
  /** Makes every key appear to be held by another invocation. */
  readonly hold: (heldForMs: number) => void;
}

/** Creates a store that contains no leases yet. */
export const memoryLeases = (): MemoryLeases => {
  const states = new Map<string, "held" | "completed">();
  let failing: readonly string[] = [];
  let heldForMs: number | undefined;
  const check = (call: string): void => {
    if (failing.includes(call)) throw new Error("the table is unavailable");
  };
  const inState = (state: string): string[] => [...states].flatMap(([key, found]) => (found === state ? [key] : []));
  return {
    held: () => inState("held"),
    completed: () => inState("completed"),
    fail: (...calls) => {
      failing = calls;
    },
    hold: (ms) => {
      heldForMs = ms;
    },
    acquire: async (_, key) => {
      check("acquire");
      if (states.get(key) === "completed") return "completed";
      if (heldForMs !== undefined) return { heldForMs };
      if (states.has(key)) return { heldForMs: 1_000 };
      states.set(key, "held");
      return "acquired";
    },
    complete: async (_, key) => {
      check("complete");
      states.set(key, "completed");
    },
    release: async (_, key) => {
      check("release");
      states.delete(key);
    },
  };
};
