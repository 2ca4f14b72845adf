// Deliveries and invocations without a pipeline.

import type { AppendDelivery, Settlement, Sink, SinkError, WriteContext } from "@sluice/core";
import { streamChange } from "@sluice/testing";
import type { EmailMessage } from "../../src/index.ts";

export const message: EmailMessage = { from: "shop@example.com", to: "ada@example.com", subject: "Hello", text: "Hi" };

/** A delivery of a new item; the message's members win over those of an ordinary mail. */
export const deliveryOf = (
  members: Partial<EmailMessage> = {},
  idempotencyKey = "e-1:email",
): AppendDelivery<EmailMessage> => {
  const change = streamChange({ after: { orderId: "o-1" }, keyNames: ["orderId"] });
  return { change, message: { ...message, ...members }, idempotencyKey };
};

/** An invocation that ends with the signal. */
export const invocation = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => (signal.aborted ? 0 : 60_000),
});

/** One write of one delivery. */
export const write = async (
  sink: Sink<EmailMessage, "append">,
  members: Partial<EmailMessage> = {},
  signal?: AbortSignal,
): Promise<Settlement> => {
  const [settlement] = await sink.write([deliveryOf(members)], invocation(signal));
  return settlement as Settlement;
};

/** `delivered`, or the code of the failure. */
export const outcomeOf = (settlement: Settlement): string =>
  settlement.outcome === "failed" ? settlement.error.code : settlement.outcome;

export const errorOf = (settlement: Settlement): SinkError => {
  if (settlement.outcome !== "failed") throw new Error(`found ${settlement.outcome}; expected a failure`);
  return settlement.error as SinkError;
};
