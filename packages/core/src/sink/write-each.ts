// For append targets that take one message per request. Each delivery is encoded, sent and settled by itself.

import type { DeliveryError } from "../errors.ts";
import { failedBy } from "./batch.ts";
import { encodingError } from "./encoding-error.ts";
import { type AppendDelivery, delivered, failed, type Sink, type WriteContext, type WriteResult } from "./sink.ts";
import { notStarted } from "./sink-error.ts";

/** How a sink sends one delivery. */
export interface EachRequest<Message, Request> {
  /** The sink's name, for errors. */
  readonly sink: string;
  /** Creates the request for a delivery, without I/O. If it throws, only this delivery fails, as by `encodeEach`. */
  readonly encode: (delivery: AppendDelivery<Message>) => Request;
  /** Sends a request; not called after the signal has aborted. Resolves with an error if the target refuses it. */
  readonly send: (
    request: Request,
    delivery: AppendDelivery<Message>,
    context: WriteContext,
  ) => Promise<DeliveryError | undefined>;
}

/** Encodes and attempts one delivery. An error of encoding fails the delivery; an error of the attempt may be a bug. */
const settle = async <Message, Request>(
  delivery: AppendDelivery<Message>,
  encode: EachRequest<Message, Request>["encode"],
  attempt: (request: Request) => Promise<DeliveryError | undefined>,
): Promise<WriteResult> => {
  let request: Request;
  try {
    request = encode(delivery);
  } catch (error) {
    return failed(delivery, encodingError(error));
  }
  try {
    const error = await attempt(request);
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
}: EachRequest<Message, Request>): Required<Pick<Sink<Message, "append">, "write" | "dryRun">> => {
  const settleEach = (
    batch: readonly AppendDelivery<Message>[],
    attempt: (request: Request, delivery: AppendDelivery<Message>) => Promise<DeliveryError | undefined>,
  ) => Promise.all(batch.map((delivery) => settle(delivery, encode, (request: Request) => attempt(request, delivery))));
  return {
    write: (batch, context) =>
      settleEach(batch, async (request, delivery) =>
        context.signal.aborted ? notStarted(sink) : send(request, delivery, context),
      ),
    dryRun: (batch) => settleEach(batch, async () => undefined),
  };
};
