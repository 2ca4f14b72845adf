// Creates deliveries and invocations for tests that call a sink directly, without a pipeline.

import type { AppendDelivery, WriteContext, WriteResult } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import type { WebhookMessage } from "../../src/index.ts";

/** A delivery of a new item with this key. */
export const deliveryOf = (
  message: WebhookMessage = { body: { total: 5 } },
  orderId = "o-1",
): AppendDelivery<WebhookMessage> => {
  const change = streamChange({ after: { orderId }, keyNames: ["orderId"] });
  return { change, message, idempotencyKey: `${orderId}:hook` };
};

/** An invocation that ends when the signal aborts. */
export const invocation = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => (signal.aborted ? 0 : 60_000),
});

/** Returns `delivered`, or the error code of a failed delivery. */
export const outcomeOf = (result: WriteResult | undefined): string | undefined =>
  result?.outcome === "failed" ? result.error.code : result?.outcome;
