// Answers of a sink that a property test plans: the failures of the first attempts, then a rejection or success.

import { type Delivery, delivered, failed, SinkError, type WriteResult } from "../src/sink-kit.ts";
import type { Answer } from "./scripted-sink.ts";

export const retryable = ["SINK_THROTTLED", "SINK_UNAVAILABLE", "SINK_DENIED", "unreported"] as const;

interface Planned {
  readonly plan: {
    /** The answers to a delivery's first attempts. */
    readonly failing: (name: string) => readonly Answer[];
    /** A number from 0 to 9. A delivery with a number below 2 is rejected. */
    readonly rejects: (name: string) => number;
  };
  /** The number of attempts of each delivery so far. */
  readonly attempts: Map<string, number>;
}

/** Counts an attempt of a delivery, and returns the planned answer. */
export const answerOf = ({ plan, attempts }: Planned, route: string, { change }: Delivery): Answer => {
  const name = `${change.eventId}:${route}`;
  const attempt = (attempts.get(name) ?? 0) + 1;
  attempts.set(name, attempt);
  const early = plan.failing(name)[attempt - 1];
  if (early !== undefined) return early;
  return plan.rejects(name) < 2 ? "SINK_REJECTED" : "delivered";
};

/** Returns the sink's results for an answer. `write` stores a delivery that the target takes. */
export const resultsOf = (
  delivery: Delivery,
  answer: Answer,
  write: (delivery: Delivery) => WriteResult = delivered,
): WriteResult[] => {
  if (answer === "unreported") return [];
  return [answer === "delivered" ? write(delivery) : failed(delivery, new SinkError(answer, `[planned] ${answer}`))];
};
