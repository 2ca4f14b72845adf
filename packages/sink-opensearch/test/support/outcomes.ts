// Calls a sink's `write`, and returns the outcomes as short texts.

import type { Change, UpsertDelivery, WriteContext } from "@sluice/core/sink-kit";
import type { OpensearchSink } from "../../src/index.ts";

/** An invocation with enough time. */
export const newContext = (): WriteContext => ({ signal: new AbortController().signal, remainingMs: () => 60_000 });

/** The delivery of a change. The default message is the item. */
export const deliveryOf = (change: Change, message: object | undefined = change.after): UpsertDelivery<object> => ({
  change,
  message,
  earlier: [],
});

/** Writes deliveries. Returns each delivery's outcome, or the error code if the delivery failed. */
export const outcomesOf = async (
  sink: Pick<OpensearchSink, "write">,
  deliveries: readonly UpsertDelivery<object>[],
): Promise<readonly string[]> => {
  const results = await sink.write(deliveries, newContext());
  const byDelivery = new Map(results.map((one) => [one.delivery, one]));
  return deliveries.map((delivery) => {
    const found = byDelivery.get(delivery);
    return found?.outcome === "failed" ? found.error.code : (found?.outcome ?? "none");
  });
};
