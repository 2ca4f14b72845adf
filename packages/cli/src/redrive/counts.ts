// Counts of a redrive.

import { type RunCounts, runCounts } from "@sluice/redrive";

/** Outcomes of a message. The last five are of messages that were in no request. */
export const outcomes = [
  "delivered",
  "superseded",
  "filtered",
  "rejected",
  "retried",
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

/** Starts at zero. */
export const redriveCounts = (): MessageCounts => runCounts(outcomes);

/** Messages that were selected and are not redriven. */
export const leftOf = (counts: MessageCounts): number => counts.of("rejected", "retried", "unsent");
