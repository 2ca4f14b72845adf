// The progress of a run: the data that each batch passes to the next batch.

import { type Counts, runCounts } from "@sluice/redrive";
import { type AttemptedMessages, attemptedMessages } from "./attempted-messages.ts";
import { addCount, type CountsBySink, totalOf } from "./counts-by-sink.ts";

const outcomes = ["delivered", "superseded", "filtered", "moved", "republished", "dropped", "left"] as const;

/** Outcome of a done message. `moved`: the pipeline has sent the records to its retry or dead-letter queue. */
export type DoneOutcome = Exclude<(typeof outcomes)[number], "left">;

/** Number of messages for each outcome. `received` is the sum of these numbers. */
export type RedriveCounts = Counts<(typeof outcomes)[number]>;

/** Why a run ended early: it reached `maxFailures` or `maxMessages`, or the pipeline's function is broken. */
export type StopReason = "failures" | "messages" | "pipeline";

/** The state of a run between two batches. */
export interface Progress {
  /** `more`: another batch follows. `done`: every message was attempted. `stopped`: ended early, see `reason`. */
  readonly next: "more" | "done" | "stopped";
  readonly reason: StopReason | "";
  /** Number of batches that have returned counts. */
  readonly batches: number;
  /** Number of attempts of batches that failed without counts. Their messages are not counted. */
  readonly interrupted: number;
  readonly counts: RedriveCounts;
  /** Numbers of messages that were attempted and stay in the queue. The sum of these numbers is `counts.left`. */
  readonly left: CountsBySink;
  /** Number of messages that are done but could not be deleted, so that they will be received again. */
  readonly notDeleted: number;
  /** The attempted messages, as `attemptedMessages` encodes them. */
  readonly attempted: string;
}

/** The progress of a run at its start. */
export const noProgress: Progress = {
  next: "more",
  reason: "",
  batches: 0,
  interrupted: 0,
  counts: runCounts(outcomes).check(),
  left: {},
  notDeleted: 0,
  attempted: "",
};

/** Names of the members of `Progress`. The state machine's definition lists each of them. */
export const progressMembers: readonly string[] = Object.keys(noProgress);

/** Result of one message. */
export type CountedResult =
  | { readonly outcome: DoneOutcome; readonly isDeleted: boolean }
  | { readonly sink: string; readonly code: string };

/** Adds the messages of one batch to the counts of the run. */
export interface BatchCounts {
  readonly attempted: AttemptedMessages;
  readonly received: () => number;
  /** Returns the number of messages that this run has attempted and left in the queue so far. */
  readonly remaining: () => number;
  readonly add: (messageId: string, result: CountedResult) => void;
  /** Returns the progress after this batch. @throws when the numbers of all outcomes do not add up to `received`. */
  readonly close: (next: Progress["next"], reason?: StopReason) => Progress;
}

/** Continues the counts of earlier batches. `crashes` is the number of failed earlier attempts of this batch. */
export const batchCounts = (before: Progress, crashes: number): BatchCounts => {
  const attempted = attemptedMessages(before.attempted);
  const counts = runCounts(outcomes, before.counts);
  let { left, notDeleted } = before;
  return {
    attempted,
    received: counts.received,
    remaining: () => counts.of("left") + notDeleted,
    add: (messageId, result) => {
      counts.receive();
      counts.add("outcome" in result ? result.outcome : "left");
      if ("outcome" in result && result.isDeleted) return;
      if ("code" in result) left = addCount(left, result.sink, result.code);
      else notDeleted += 1;
      attempted.add(messageId);
    },
    close: (next, reason) => {
      if (totalOf(left) !== counts.of("left")) throw new Error("the counts of messages that are left do not add up");
      return {
        next,
        reason: reason ?? "",
        batches: before.batches + 1,
        interrupted: before.interrupted + crashes,
        counts: counts.check(),
        left,
        notDeleted,
        attempted: attempted.text(),
      };
    },
  };
};
