// Checks what `write` answered: every delivery once, by identity.

import type { Change, Delivery, DeliveryError, DeliveryErrorCode, WriteResult } from "@sluice/core/sink-kit";
import { codeOf, mismatch } from "./expectation.ts";

export type Outcome = "delivered" | "superseded" | DeliveryErrorCode;

/** What became of the deliveries of one call. */
export interface Written {
  /** The outcome of a change; of a failed one its code. */
  readonly outcomeOf: (change: Pick<Change, "eventId">) => Outcome;
  /** Of the failed deliveries, in the order of the batch; the same error when the call rejected. */
  readonly errors: readonly DeliveryError[];
}

const written = (results: ReadonlyMap<string, Outcome>, errors: readonly DeliveryError[]): Written => ({
  outcomeOf: (change) => results.get(change.eventId) ?? mismatch("outcome", "none", "one, as the change was written"),
  errors,
});

const outcomeIn = (result: WriteResult): Outcome => {
  if (result.outcome !== "failed") return result.outcome;
  return codeOf(result.error) ?? mismatch("error of a failed delivery", String(result.error), "one of core's");
};

/** What a call that resolved made of each delivery. Fails the case when one is settled never, twice, or not in this call. */
export const settledBy = (batch: readonly Delivery[], results: readonly WriteResult[]): Written => {
  const outcomes = new Map<string, Outcome>();
  for (const result of results) {
    const { eventId } = result.delivery.change;
    if (!batch.includes(result.delivery)) {
      mismatch("result", "one of a delivery that the call was not given", "the very object that it was given");
    }
    if (outcomes.has(eventId)) mismatch("results of one delivery", 2, 1);
    outcomes.set(eventId, outcomeIn(result));
  }
  if (outcomes.size !== batch.length) mismatch("settled deliveries", outcomes.size, batch.length);
  return written(
    outcomes,
    results.flatMap((one) => (one.outcome === "failed" ? [one.error] : [])),
  );
};

/** What a call that rejected means: every delivery failed with the error's code. */
export const rejectedBy = (batch: readonly Delivery[], error: unknown): Written => {
  const code = codeOf(error);
  if (code === undefined) return mismatch("write rejected with", String(error), "a SinkError");
  return written(new Map(batch.map(({ change }) => [change.eventId, code])), [error as DeliveryError]);
};
