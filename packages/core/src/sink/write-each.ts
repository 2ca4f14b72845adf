// For append targets that take one message per request. Each delivery is encoded, sent and settled by itself.

import type { DeliveryError } from "../errors.ts";
import { failedBy } from "./batch.ts";
import { type AppendDelivery, delivered, failed, type Sink, type WriteContext, type WriteResult } from "./sink.ts";
import { notStarted } from "./sink-error.ts";

/** How a sink sends one delivery. */
export interface EachRequest<Message, Request> {
  /** The sink's name, for errors. */
  readonly sink: string;
  /** Creates the request for a delivery, without I/O. @throws {SinkError} if the delivery can never be sent. */
  readonly encode: (delivery: AppendDelivery<Message>) => Request;
  /** Sends a request; not called after the signal has aborted. Resolves with an error if the target refuses it. */
  readonly send: (
    request: Request,
    delivery: AppendDelivery<Message>,
    context: WriteContext,
  ) => Promise<DeliveryError | undefined>;
}

const settle = async (
  delivery: AppendDelivery<unknown>,
  attempt: () => Promise<DeliveryError | undefined>,
): Promise<WriteResult> => {
  try {
    const error = await attempt();
    return error === undefined ? delivered(delivery) : failed(delivery, error);
  } catch (error) {
    return failedBy(delivery, error);
  }
};

/** Creates a `write` that sends each delivery by itself, and a `dryRun` that only encodes. Spread both into a sink. */
export const writeEach = <Message, Request>({
  sink,
  encode,
  send,
}: EachRequest<Message, Request>): Required<Pick<Sink<Message, "append">, "write" | "dryRun">> => ({
  write: (batch, context) => {
    const attempt = async (delivery: AppendDelivery<Message>) => {
      const request = encode(delivery);
      return context.signal.aborted ? notStarted(sink) : send(request, delivery, context);
    };
    return Promise.all(batch.map((delivery) => settle(delivery, () => attempt(delivery))));
  },
  dryRun: (batch) => Promise.all(batch.map((delivery) => settle(delivery, async () => void encode(delivery)))),
});
