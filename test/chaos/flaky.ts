// Sinks that fail often, so that every test has deliveries that are queued for retry.

import {
  type Delivery,
  failed,
  type Sink,
  SinkError,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { Random } from "../convergence/random.ts";

export type AnySink = Sink<never, "upsert"> | Sink<never, "append">;

/** Returns a copy of the sink that uses `write`. */
export const withWrite = <Kind extends AnySink>(
  sink: Kind,
  write: (batch: readonly Delivery[], context: WriteContext) => Promise<readonly WriteResult[]>,
): Kind => ({ ...sink, write });

/**
 * Wraps a sink. Changes from the stream fail at every third revision. Changes from the retry queue fail at random.
 */
export const flaky = <Kind extends AnySink>(sink: Kind, random: Pick<Random, "chance">): Kind => {
  const error = new SinkError("SINK_UNAVAILABLE", `[${sink.name}] failed at random`, { retryAfterMs: 60_000 });
  const fails = ({ change }: Delivery): boolean => {
    if (change.origin === "retry") return random.chance(0.3);
    return change.origin === "stream" && Number((change.after ?? change.before)?.revision) % 3 === 0;
  };
  return withWrite(sink, async (batch, context) => {
    const failing = new Set(batch.filter(fails));
    const others = batch.filter((delivery) => !failing.has(delivery));
    const results = others.length === 0 ? [] : await sink.write(others as never, context);
    return [...results, ...[...failing].map((delivery) => failed(delivery, error))];
  });
};
