// Sinks that fail by chance, so that there is always something to spill.

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

/** The same sink with another `write`. */
export const withWrite = <Kind extends AnySink>(
  sink: Kind,
  write: (batch: readonly Delivery[], context: WriteContext) => Promise<readonly WriteResult[]>,
): Kind => ({ ...sink, write });

/** Some changes fail whenever they come from the stream, and all of them now and then in the retry queue. */
export const flaky = <Kind extends AnySink>(sink: Kind, random: Pick<Random, "chance">): Kind => {
  const error = new SinkError("SINK_UNAVAILABLE", `[${sink.name}] chance`, { retryAfterMs: 60_000 });
  const isIll = ({ change }: Delivery): boolean => {
    if (change.origin === "retry") return random.chance(0.3);
    return change.origin === "stream" && Number((change.after ?? change.before)?.revision) % 3 === 0;
  };
  return withWrite(sink, async (batch, context) => {
    const ill = new Set(batch.filter(isIll));
    const well = batch.filter((delivery) => !ill.has(delivery));
    const settled = well.length === 0 ? [] : await sink.write(well as never, context);
    return [...settled, ...[...ill].map((delivery) => failed(delivery, error))];
  });
};
