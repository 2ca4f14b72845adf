// Deliveries to append sinks, and an invocation with time left.

import type { AppendDelivery, Change, WriteContext } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";

/** The insert of an item with this name, on its way with this message. */
export const appendDelivery = <Message>(name: string, message: Message): AppendDelivery<Message> => {
  const change: Change = streamChange({ after: { pk: name, sk: "1" } });
  return { change, message, idempotencyKey: `event-of-${name}:route` };
};

export const contextOf = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => 1_000,
});
