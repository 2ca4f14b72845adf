// Deliveries to append sinks, and the context of an invocation.

import type { AppendDelivery, Change, WriteContext } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";

/** A delivery of `message`. Its change is the insert of an item with this name. */
export const appendDelivery = <Message>(name: string, message: Message): AppendDelivery<Message> => {
  const change: Change = streamChange({ after: { pk: name, sk: "1" } });
  return { change, message, idempotencyKey: `event-of-${name}:route` };
};

export const contextOf = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => 1_000,
});
