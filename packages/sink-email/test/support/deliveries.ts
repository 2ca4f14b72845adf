// Creates deliveries and invocations for tests that call a sink directly, without a pipeline.

import type { AppendDelivery, Sink, SinkError, WriteContext, WriteResult } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import type { EmailMessage } from "../../src/index.ts";

/** An ordinary mail. */
export const message: EmailMessage = { from: "shop@example.com", to: "ada@example.com", subject: "Hello", text: "Hi" };

/** A delivery for the insert of an item. The mail is `message`, with `members` in place of its own members. */
export const deliveryOf = (
  members: Partial<EmailMessage> = {},
  idempotencyKey = "e-1:email",
): AppendDelivery<EmailMessage> => {
  const change = streamChange({ after: { orderId: "o-1" }, keyNames: ["orderId"] });
  return { change, message: { ...message, ...members }, idempotencyKey };
};

/** An invocation that ends when the signal aborts. */
export const invocation = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => (signal.aborted ? 0 : 60_000),
});

/** Writes one delivery, and returns its result. */
export const write = async (
  sink: Sink<EmailMessage, "append">,
  members: Partial<EmailMessage> = {},
  signal?: AbortSignal,
): Promise<WriteResult> => {
  const [result] = await sink.write([deliveryOf(members)], invocation(signal));
  return result as WriteResult;
};

/** Returns `delivered`, or the error code of a failed delivery. */
export const outcomeOf = (result: WriteResult): string =>
  result.outcome === "failed" ? result.error.code : result.outcome;

/** The error of a failed delivery. */
export const errorOf = (result: WriteResult): SinkError => {
  if (result.outcome !== "failed") throw new Error(`found ${result.outcome}; expected a failure`);
  return result.error as SinkError;
};
