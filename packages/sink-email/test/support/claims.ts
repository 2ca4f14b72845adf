// A store of claims in memory, which outlives the sinks that use it, as a table does.

import type { Claims } from "@sluice/core";

export interface MemoryClaims extends Claims {
  /** What is claimed and not completed. */
  readonly held: () => readonly string[];
  readonly completed: () => readonly string[];
  /** Makes these calls fail. */
  readonly fail: (...calls: readonly ("claim" | "complete" | "release")[]) => void;
  /** Another invocation holds every key. */
  readonly hold: (heldForMs: number) => void;
}

export const memoryClaims = (): MemoryClaims => {
  const states = new Map<string, "held" | "completed">();
  let failing: readonly string[] = [];
  let heldForMs: number | undefined;
  const check = (call: string): void => {
    if (failing.includes(call)) throw new Error("the table is away");
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
    claim: async (_, key) => {
      check("claim");
      if (states.get(key) === "completed") return "completed";
      if (heldForMs !== undefined) return { heldForMs };
      if (states.has(key)) return { heldForMs: 1_000 };
      states.set(key, "held");
      return "claimed";
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
