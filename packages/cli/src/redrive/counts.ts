// Counts the messages of a redrive by outcome.

import { type RedriveResult, type RunCounts, runCounts } from "@sluice/redrive";

/** Outcomes of a message. The handler decides on the first seven. The others mean that the message was not sent. */
export const outcomes = [
  "delivered",
  "unchecked",
  "superseded",
  "filtered",
  "rejected",
  "retried",
  "unrouted",
  "copy",
  "alreadyDone",
  "notSelected",
  "unsupported",
  "unsent",
] as const;

/** Outcome of a message. */
export type CountedOutcome = (typeof outcomes)[number];

/** Counts of a redrive. */
export type MessageCounts = RunCounts<CountedOutcome>;

/** Creates counts that are all zero. */
export const redriveCounts = (): MessageCounts => runCounts(outcomes);

/** Returns the outcome by which a message with this result is counted. */
export const countedOutcome = ({ outcome, code, isUnchecked }: RedriveResult): CountedOutcome => {
  if (outcome === "retried" && code === "RECORD_UNROUTED") return "unrouted";
  return outcome === "delivered" && isUnchecked ? "unchecked" : outcome;
};

/** Returns the number of selected messages that were rejected, must be retried, or were not sent. */
export const leftOf = (counts: MessageCounts): number => counts.of("rejected", "retried", "unrouted", "unsent");
