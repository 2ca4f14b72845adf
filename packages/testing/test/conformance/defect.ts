// Functions that turn a correct `write` into a `write` with a defect.

import {
  type Delivery,
  delivered,
  failed,
  SinkError,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { CaseId, Conformance, SpecimenItem } from "@sluice/testing";
import type { AppendMessage } from "./memory-rigs.ts";

/** A sink with one defect, and the case that must detect the defect. */
export interface BrokenSink {
  readonly defect: string;
  readonly caughtBy: CaseId;
  readonly conformance: Conformance<SpecimenItem> | Conformance<AppendMessage>;
}

export type Write<One> = (batch: readonly One[], context: WriteContext) => Promise<readonly WriteResult[]>;

/** Gets the correct `write` and returns a broken `write`, which may call the correct `write`. */
export type Break<One> = (right: Write<One>) => Write<One>;

export const isFailed = ({ outcome }: WriteResult): boolean => outcome === "failed";

export const rejection = (message = "refused"): SinkError => new SinkError("SINK_REJECTED", message);

export const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Breaks `write`, so that it returns the results of `replace` instead of the correct results. */
export const mappingResults =
  <One extends Delivery>(replace: (result: WriteResult, all: readonly WriteResult[]) => WriteResult): Break<One> =>
  (right) =>
  async (batch, context) => {
    const results = await right(batch, context);
    return results.map((result) => replace(result, results));
  };

/** Breaks `write`, so that it writes changed deliveries, but returns results for the original deliveries. */
export const rewriting =
  <One extends Delivery>(rewrite: (delivery: One) => One): Break<One> =>
  (right) =>
  async (batch, context) => {
    const originals = new Map<Delivery, One>();
    for (const delivery of batch) originals.set(rewrite(delivery), delivery);
    const results = await right([...originals.keys()] as One[], context);
    return results.map((one) => ({ ...one, delivery: originals.get(one.delivery) as One }));
  };

/** Breaks `write`, so that it reports some deliveries as delivered without writing them. */
export const skipping =
  <One extends Delivery>(isSkipped: (delivery: One) => boolean): Break<One> =>
  (right) =>
  async (batch, context) => {
    const skipped = batch.filter(isSkipped);
    const rest = batch.filter((delivery) => !skipped.includes(delivery));
    return [...skipped.map(delivered), ...(await right(rest, context))];
  };

/** Breaks `write`, so that a call does not write its own batch, but the batch of the previous call. */
export const late =
  <One extends Delivery>(): Break<One> =>
  (right) => {
    let held: readonly One[] = [];
    return async (batch, context) => {
      await right(held, context);
      held = batch;
      return batch.map(delivered);
    };
  };

/** Breaks `write`, so that it rejects a change that it has already written. */
export const failingRepeats =
  <One extends Delivery>(): Break<One> =>
  (right) => {
    const seen = new Set<string>();
    return async (batch, context) => {
      const repeated = batch.filter(({ change }) => seen.has(change.eventId));
      for (const { change } of batch) seen.add(change.eventId);
      const rest = batch.filter((delivery) => !repeated.includes(delivery));
      return [...repeated.map((one) => failed(one, rejection())), ...(await right(rest, context))];
    };
  };
