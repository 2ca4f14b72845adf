// One call of a sink's `write`, told in short.

import type { Change, UpsertDelivery, WriteContext } from "@sluice/core/sink-kit";
import type { OpensearchSink } from "../../src/index.ts";

/** An invocation with time enough. */
export const newContext = (): WriteContext => ({ signal: new AbortController().signal, remainingMs: () => 60_000 });

/** The delivery of a change; the message is the item, unless another is given. */
export const deliveryOf = (change: Change, message: object | undefined = change.after): UpsertDelivery<object> => ({
  change,
  message,
  earlier: [],
});

/** Writes deliveries and tells the outcome of each, of a failed one the code. */
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
