// One run of the handler: what it was called with, and what follows from where that came from.

import { createHash } from "node:crypto";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { CircuitOpenError } from "../delivery/circuit-breaker.ts";
import { type DeliveryResult, idOf } from "../delivery/item-queue.ts";
import type { Route } from "../delivery/route.ts";
import type { DeliveryParts } from "../delivery/route-worker.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import type { QueueRecord, Received, RecognisedEvent } from "../intake/event.ts";
import type { OnFailureDestinationReader } from "../intake/on-failure-destination.ts";
import type { Origin } from "../record/change.ts";

/** What the handler is made from: the pipeline's options, checked and with their defaults. */
export interface HandlerParts extends Omit<DeliveryParts["parts"], "spillTo" | "outages"> {
  readonly routes: readonly Route[];
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  readonly deadLetterQueue: DeadLetterQueue | undefined;
  readonly retryQueue: RetryQueue | undefined;
  readonly onFailureDestination: OnFailureDestinationReader;
  readonly timeoutBufferMs: number | undefined;
}

/** The same, with what lives as long as the environment. */
export interface EnvironmentParts extends HandlerParts, Pick<DeliveryParts["parts"], "spillTo" | "outages"> {
  /** Writes to the dead letters; undefined where there are none. */
  readonly writeDeadLetters: DeadLetterQueue["write"] | undefined;
}

/** One run of the handler. */
export interface Invocation extends DeliveryParts {
  readonly event: RecognisedEvent;
  readonly parts: EnvironmentParts;
  readonly received: readonly Received[];
}

/** Where the records of an event come from. An event of a queue holds messages of one queue only. */
export const originOf = ({ kind, records, task }: RecognisedEvent, retryQueue: RetryQueue | undefined): Origin => {
  if (kind === "stream") return "stream";
  const { eventSourceARN } = (records[0] ?? {}) as Partial<QueueRecord>;
  return task === undefined && retryQueue?.isSource(eventSourceARN) ? "retry" : "redrive";
};

/** A record without an id of its own is named by what is in it: two of them must not pass for one. */
const eventIdOf = ({ change, record }: Received): string =>
  change?.eventId ?? record?.eventID ?? createHash("sha256").update(JSON.stringify(record)).digest("hex");

/** Writes that were tried: none where the delivery waited behind another, or its target was left alone. */
const attemptsOf = ({ error, attempts }: DeliveryResult): number =>
  error?.code === "DELIVERY_PENDING" || error instanceof CircuitOpenError ? 0 : attempts;

/** Receives before this one, each of which was a try at least. */
const earlierReceives = (record: unknown): number =>
  Math.max(0, Number((record as Partial<QueueRecord>)?.attributes?.ApproximateReceiveCount ?? 1) - 1);

/**
 * Makes the envelope of a delivery that failed; one that came in an envelope keeps its id, the time of its first, and what
 * a later version of us has put there.
 */
export const envelopeMaker = (
  { name: pipeline, clock }: HandlerParts,
  { records }: RecognisedEvent,
  received: readonly Received[],
): DeliveryParts["envelopeOf"] => {
  const now = new Date(clock.now()).toISOString();
  return (sink, position, result): Envelope => {
    const one = received[position] as Received;
    const { envelope, record, source } = one;
    const { recordUrl: _, ...before } = envelope ?? {};
    const earlier = envelope === undefined ? 0 : envelope.attempts + earlierReceives(records[source]);
    return {
      ...before,
      v: 1,
      id: envelope?.id ?? idOf(sink, eventIdOf(one)),
      pipeline,
      sink,
      code: result.error?.code ?? "SINK_REJECTED",
      message: result.error?.message ?? "",
      attempts: earlier + attemptsOf(result),
      firstFailedAt: envelope?.firstFailedAt ?? now,
      record,
    };
  };
};
