// Puts a failed delivery into an envelope.

import { createHash } from "node:crypto";
import type { Envelope } from "../envelope/envelope.ts";
import { type Invocation, receiptOf, receiveCountOf } from "../intake/invocation.ts";
import type { Received } from "../intake/received.ts";
import { deepJson } from "../record/deep-json.ts";
import type { RouteId } from "./dedupe-store.ts";
import { type DeliveryResult, deliveryId } from "./delivery-result.ts";

/** Returns the text, or undefined for a value of another type in a forged record. */
const textIn = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** Returns the event id of the change. For a record that could not be decoded, returns a hash of the record. */
const eventIdOf = ({ change, record }: Received): string =>
  change?.eventId ?? textIn(record?.eventID) ?? createHash("sha256").update(deepJson(record)).digest("hex");

/**
 * Envelope of a failed delivery. If the delivery came in an envelope, the new envelope has the same id, the same time of
 * the first failure, and all members that a later version of Sluice may have added.
 */
export const failedDelivery = (
  id: RouteId,
  { event, received, startedAt }: Invocation,
  position: number,
  result: DeliveryResult,
): Envelope => {
  const one = received[position] as Received;
  const { envelope, record, source } = one;
  const { recordUrl: _, ...before } = envelope ?? {};
  const message = event.records[source];
  // Counts one attempt for each earlier time that the message was received.
  const earlier = envelope === undefined ? 0 : envelope.attempts + Math.max(0, receiveCountOf(message) - 1);
  return {
    ...before,
    ...(envelope !== undefined && { receipt: receiptOf(message) }),
    v: 1,
    id: envelope?.id ?? deliveryId(id, eventIdOf(one)),
    pipeline: id.pipeline,
    sink: id.route,
    code: result.error?.code ?? "SINK_REJECTED",
    message: result.error?.message ?? "",
    attempts: earlier + result.attempts,
    firstFailedAt: envelope?.firstFailedAt ?? new Date(startedAt).toISOString(),
    record,
  };
};
