// A redrive that a program asks for. The response has the outcome of each message or, in a dry run, the outcome that the
// message would have.

import type { DeliveryResult, Outcome, RouteResult } from "../delivery/delivery-result.ts";
import type { SharedRoute } from "../delivery/route.ts";
import type { Invocation } from "../intake/invocation.ts";
import { type Delivery, delivered, type Sink, withWrite } from "../sink/sink.ts";

/**
 * Returns the route with the dry run of its sink in place of `write`. If the sink has no dry run, every delivery counts
 * as delivered.
 */
export const dryRunRoute = (route: SharedRoute): SharedRoute => {
  const { sink } = route;
  const write: Sink<unknown>["write"] = async (batch, context) =>
    sink.dryRun === undefined ? batch.map((delivery: Delivery) => delivered(delivery)) : sink.dryRun(batch, context);
  return { ...route, sink: withWrite(sink, write), retryIn: "stream" };
};

/** Outcome of one message. In a dry run: the outcome that the message would have. */
export interface MessageOutcome {
  /** The message's id. */
  readonly itemIdentifier: string;
  readonly outcome: Outcome;
  readonly code?: string;
  /** An explanation for people. Contains no item values. */
  readonly message?: string;
}

/** All outcomes, the most serious first. A message with several deliveries gets the most serious of their outcomes. */
export const outcomesBySeverity: readonly Outcome[] = ["retried", "rejected", "delivered", "superseded", "filtered"];

/** A lost record ranks before other rejections, because the caller learns of the loss only from this response. */
const rankOf = ({ outcome, error }: DeliveryResult): number =>
  outcomesBySeverity.indexOf(outcome) - (outcome === "rejected" && error?.code === "RECORD_LOST" ? 0.5 : 0);

const moreSerious = (a: DeliveryResult | undefined, b: DeliveryResult): DeliveryResult =>
  a === undefined || rankOf(b) < rankOf(a) ? b : a;

const messageIdOf = (record: unknown): string => (record as { readonly messageId?: string }).messageId ?? "";

/** The outcome of each message of the event. */
export const messageOutcomes = ({ event, received }: Invocation, routes: readonly RouteResult[]): MessageOutcome[] => {
  const bySource = new Map<number, DeliveryResult>();
  received.forEach(({ source, unread }, position) => {
    if (unread !== undefined) {
      const error = unread as DeliveryResult["error"];
      bySource.set(source, { outcome: "retried", attempts: 0, ...(error && { error }) });
    }
    for (const { results } of routes) {
      const result = results.get(position);
      if (result !== undefined) bySource.set(source, moreSerious(bySource.get(source), result));
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
