// A delivery that failed, as an envelope.

import { createHash } from "node:crypto";
import type { Envelope } from "../envelope/envelope.ts";
import type { Received } from "../intake/event.ts";
import { type Invocation, receiveCountOf } from "../intake/invocation.ts";
import { CircuitOpenError } from "./circuit-breaker.ts";
import type { RouteId } from "./dedupe-store.ts";
import { type DeliveryResult, deliveryId } from "./delivery-result.ts";

/** Id of the change. A record without an event id is identified by its content, so that two of them never share an id. */
const eventIdOf = ({ change, record }: Received): string =>
  change?.eventId ?? record?.eventID ?? createHash("sha256").update(JSON.stringify(record)).digest("hex");

/** Writes that were attempted: 0 for a delivery that waited behind another, or whose circuit breaker was open. */
const attemptsOf = ({ error, attempts }: DeliveryResult): number =>
  error?.code === "DELIVERY_PENDING" || error instanceof CircuitOpenError ? 0 : attempts;

/**
 * Envelope of a failed delivery. One that came in an envelope keeps its id, the time of its first failure, and members
 * that a later version of Sluice has added.
 */
export const failedDelivery = (
  { pipeline, route }: RouteId,
  { event, received, startedAt }: Invocation,
  position: number,
  result: DeliveryResult,
): Envelope => {
  const one = received[position] as Received;
  const { envelope, record, source } = one;
  const { recordUrl: _, ...before } = envelope ?? {};
  // Each earlier receive of the message was an attempt at least.
  const earlier =
    envelope === undefined ? 0 : envelope.attempts + Math.max(0, receiveCountOf(event.records[source]) - 1);
  return {
    ...before,
    v: 1,
    id: envelope?.id ?? deliveryId(route, eventIdOf(one)),
    pipeline,
    sink: route,
    code: result.error?.code ?? "SINK_REJECTED",
    message: result.error?.message ?? "",
    attempts: earlier + attemptsOf(result),
    firstFailedAt: envelope?.firstFailedAt ?? new Date(startedAt).toISOString(),
    record,
  };
};
