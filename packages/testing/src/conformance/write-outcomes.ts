// Checks that `write` returns exactly one result for every delivery object.

import {
  type Change,
  type Delivery,
  type DeliveryError,
  type DeliveryErrorCode,
  type FailureOutcome,
  outcomeOf,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { codeOf, expectEqual, mismatch } from "./expectation.ts";

/** The outcome of a delivery, or the code of its error. */
export type OutcomeOrCode = "delivered" | "superseded" | DeliveryErrorCode;

/** The outcomes of the deliveries of one call. */
export interface WriteOutcomes {
  /** The outcome of a change, or the code of its error. */
  readonly outcomeOf: (change: Pick<Change, "eventId">) => OutcomeOrCode;
  /** The errors of failed deliveries, in the order of the results. If the call rejected, only the error of the call. */
  readonly errors: readonly DeliveryError[];
}

const written = (results: ReadonlyMap<string, OutcomeOrCode>, errors: readonly DeliveryError[]): WriteOutcomes => ({
  outcomeOf: (change) =>
    results.get(change.eventId) ?? mismatch("outcome", "none", "an outcome, as the change was written"),
  errors,
});

const outcomeIn = (result: WriteResult): OutcomeOrCode => {
  if (result.outcome !== "failed") return result.outcome;
  return codeOf(result.error) ?? mismatch("error of a failed delivery", String(result.error), "an error of core");
};

/** The outcomes of a call that resolved. Fails the case unless each delivery of the batch has exactly one result. */
export const checkResults = (batch: readonly Delivery[], results: readonly WriteResult[]): WriteOutcomes => {
  const outcomes = new Map<string, OutcomeOrCode>();
  for (const result of results) {
    const { eventId } = result.delivery.change;
    if (!batch.includes(result.delivery)) {
      mismatch("result", "the result of an unknown delivery", "results of the very delivery objects that the call got");
    }
    if (outcomes.has(eventId)) mismatch("results of one delivery", 2, 1);
    outcomes.set(eventId, outcomeIn(result));
  }
  if (outcomes.size !== batch.length) mismatch("deliveries with a result", outcomes.size, batch.length);
  return written(
    outcomes,
    results.flatMap((one) => (one.outcome === "failed" ? [one.error] : [])),
  );
};

/** The outcomes of a call that rejected. Every delivery has the code of the error. */
export const checkRejection = (batch: readonly Delivery[], error: unknown): WriteOutcomes => {
  const code = codeOf(error);
  if (code === undefined) return mismatch("write rejected with", String(error), "a SinkError");
  return written(new Map(batch.map(({ change }) => [change.eventId, code])), [error as DeliveryError]);
};

/** Asserts that all these changes have the same outcome. */
export const expectOutcomes = (
  written: WriteOutcomes,
  changes: readonly Pick<Change, "eventId">[],
  outcome: string,
  subject = "outcomes",
): void => {
  const expected = changes.map(() => outcome);
  expectEqual(changes.map(written.outcomeOf), expected, subject);
};

/** Whether core retries or rejects a failed change; undefined for a change that did not fail. */
export const failureOf = (written: WriteOutcomes, change: Pick<Change, "eventId">): FailureOutcome | undefined => {
  const outcome = written.outcomeOf(change);
  return outcome === "delivered" || outcome === "superseded" ? undefined : outcomeOf(outcome);
};

/** The changes that core retries. */
export const retriedOf = <One extends Pick<Change, "eventId">>(
  written: WriteOutcomes,
  changes: readonly One[],
): readonly One[] => changes.filter((change) => failureOf(written, change) === "retry");
