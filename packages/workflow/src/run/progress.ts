// What a run has done so far: it is all that travels from one batch to the next. `received` is the sum of the other
// counts, and `left` the sum of what is left by sink and code.

import { type Tally, tallied, totalOf } from "./counts-by-sink.ts";
import { type Tried, triedIn } from "./attempted-messages.ts";

/** How a message left the queue. `moved`: its records are in other messages now, of the retry or the dead-letter queue. */
export type Settled = "delivered" | "superseded" | "filtered" | "moved" | "republished" | "dropped";

export type Counts = { readonly [name in Settled | "received" | "left"]: number };

/** Why a run ended before it had tried every message. */
export type StopReason = "failures" | "messages" | "pipeline";

/** The state of a run between two batches. */
export interface Progress {
  /** `more`: another batch; `done`: every message was tried; `stopped`: by the reason. */
  readonly next: "more" | "done" | "stopped";
  readonly reason: StopReason | "";
  /** Batches that have reported. */
  readonly batches: number;
  /** Batches that crashed. What they had done is in no count. */
  readonly interrupted: number;
  readonly counts: Counts;
  /** What was tried and is still in the queue. */
  readonly left: Tally;
  /** Settled messages that could not be deleted: they come again, and are superseded or repeated then. */
  readonly notDeleted: number;
  /** @see triedIn */
  readonly tried: string;
}

/** The members of a progress: the state machine names each. */
export const progressMembers: readonly (keyof Progress)[] = [
  "next",
  "reason",
  "batches",
  "interrupted",
  "counts",
  "left",
  "notDeleted",
  "tried",
];

const zero: Counts = {
  received: 0,
  delivered: 0,
  superseded: 0,
  filtered: 0,
  moved: 0,
  republished: 0,
  dropped: 0,
  left: 0,
};

/** A run that has done nothing yet. */
export const noProgress: Progress = {
  next: "more",
  reason: "",
  batches: 0,
  interrupted: 0,
  counts: zero,
  left: {},
  notDeleted: 0,
  tried: "",
};

/** What became of one message. */
export type Result =
  | { readonly settled: Settled; readonly isDeleted: boolean }
  | { readonly sink: string; readonly code: string };

/** The account of one batch. */
export interface Ledger {
  readonly tried: Tried;
  readonly counts: () => Counts;
  /** Messages that stay behind for this run. */
  readonly remaining: () => number;
  readonly note: (messageId: string, result: Result) => void;
  readonly close: (next: Progress["next"], reason?: StopReason) => Progress;
}

/** Opens the account with what the batches before have done. `crashes`: of this batch, before this try of it. */
export const openLedger = (before: Progress, crashes: number): Ledger => {
  const tried = triedIn(before.tried);
  let { counts, left, notDeleted } = before;
  return {
    tried,
    counts: () => counts,
    remaining: () => counts.left + notDeleted,
    note: (messageId, result) => {
      const name = "settled" in result ? result.settled : "left";
      counts = { ...counts, received: counts.received + 1, [name]: counts[name] + 1 };
      if ("settled" in result && result.isDeleted) return;
      if ("code" in result) left = tallied(left, result.sink, result.code);
      else notDeleted += 1;
      tried.add(messageId);
    },
    close: (next, reason) => {
      const { received, ...others } = counts;
      const sum = Object.values(others).reduce((total, count) => total + count, 0);
      if (sum !== received || totalOf(left) !== counts.left) {
        throw new Error(`the account does not balance: ${received} messages received, ${sum} accounted for`);
      }
      return {
        next,
        reason: reason ?? "",
        batches: before.batches + 1,
        interrupted: before.interrupted + crashes,
        counts,
        left,
        notDeleted,
        tried: tried.text(),
      };
    },
  };
};
