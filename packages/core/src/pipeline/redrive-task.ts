// A redrive that somebody asked for, rather than a queue: each message is answered with its outcome, or with what it
// would be.

import type { DeliveryResult, Outcome } from "../delivery/item-queue.ts";
import type { Route } from "../delivery/route.ts";
import { type Delivery, delivered, type Sink, withWrite } from "../sink/sink.ts";
import type { Invocation } from "./invocation.ts";
import type { RouteResult } from "./report.ts";

/**
 * The route, without its target: `write` answers what it would. Where the sink cannot look, what it has no reason to
 * refuse counts as delivered.
 */
export const dryRunRoute = (route: Route): Route => {
  const { sink } = route;
  const write: Sink<unknown>["write"] = async (batch, context) =>
    sink.dryRun === undefined ? batch.map((delivery: Delivery) => delivered(delivery)) : sink.dryRun(batch, context);
  return { ...route, sink: withWrite(sink, write), spills: false };
};

/** What became, or would become, of one message. */
export interface MessageOutcome {
  /** The message's id. */
  readonly itemIdentifier: string;
  readonly outcome: Outcome;
  readonly code?: string;
  /** For people. Holds no item values. */
  readonly message?: string;
}

/** Of several deliveries of one message, the one that most needs to be looked at. */
const gravest: readonly Outcome[] = ["retried", "rejected", "delivered", "superseded", "filtered"];

/** Of what is rejected, records that are lost come first: nothing else tells the caller of them. */
const rankOf = ({ outcome, error }: DeliveryResult): number =>
  gravest.indexOf(outcome) - (outcome === "rejected" && error?.code === "RECORD_LOST" ? 0.5 : 0);

const graver = (a: DeliveryResult | undefined, b: DeliveryResult): DeliveryResult =>
  a === undefined || rankOf(b) < rankOf(a) ? b : a;

const messageIdOf = (record: unknown): string => (record as { readonly messageId?: string }).messageId ?? "";

/** The outcome of each message of the event. */
export const messageOutcomes = (
  { event, received }: Pick<Invocation, "event" | "received">,
  routes: readonly RouteResult[],
): MessageOutcome[] => {
  const bySource = new Map<number, DeliveryResult>();
  received.forEach(({ source, unread }, position) => {
    if (unread !== undefined) {
      const error = unread as DeliveryResult["error"];
      bySource.set(source, { outcome: "retried", attempts: 0, ...(error && { error }) });
    }
    for (const { results } of routes) {
      const result = results.get(position);
      if (result !== undefined) bySource.set(source, graver(bySource.get(source), result));
    }
  });
  return event.records.map((record, source) => {
    const { outcome, error } = bySource.get(source) ?? { outcome: "filtered" as const };
    return {
      itemIdentifier: messageIdOf(record),
      outcome,
      ...(error && { code: error.code, message: error.message }),
    };
  });
};
