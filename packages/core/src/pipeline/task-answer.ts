// The answer to a task that a program asks for. It has the outcome of each message or record or, in a dry run, the outcome
// that the message would have.

import type { DeliveryResult, Outcome, RouteResult } from "../delivery/delivery-result.ts";
import type { Route, SharedRoute } from "../delivery/route.ts";
import type { Invocation } from "../intake/invocation.ts";
import { type Delivery, delivered, type Sink, withWrite } from "../sink/sink.ts";

/**
 * Returns the route with the dry run of its sink in place of `write`. If the sink has no dry run, every delivery counts
 * as delivered, and `messageOutcomes` marks the message as unchecked.
 */
export const dryRunRoute = (route: SharedRoute): SharedRoute => {
  const { sink } = route;
  const write: Sink<unknown>["write"] = async (batch, context) =>
    sink.dryRun === undefined ? batch.map((delivery: Delivery) => delivered(delivery)) : sink.dryRun(batch, context);
  return { ...route, sink: withWrite(sink, write), retryIn: "stream" };
};

/** Outcome of one message or record. In a dry run: the outcome that it would have. */
export interface MessageOutcome {
  /** The message's id, or the record's `eventID`. */
  readonly itemIdentifier: string;
  readonly outcome: Outcome;
  readonly code?: string;
  /** Only for a failed record of a backfill or a replay: the route to which this outcome belongs. */
  readonly route?: string;
  /** An explanation for people. Contains no item values. */
  readonly message?: string;
  /** Only in a dry run: the message would be sent, but the sink cannot ask its target without sending. */
  readonly isUnchecked?: true;
}

/** All outcomes, the most serious first. A message with several deliveries gets the most serious of their outcomes. */
export const outcomesBySeverity: readonly Outcome[] = ["retried", "rejected", "delivered", "superseded", "filtered"];

/** Result of one delivery of a message. */
interface MessageResult extends DeliveryResult {
  readonly route?: string;
  readonly isUnchecked?: boolean;
}

/**
 * A lost record ranks before other rejections, because the caller learns of the loss only from this response. A delivery
 * that would be sent ranks before others if its target was not asked.
 */
const rankOf = ({ outcome, error, isUnchecked = false }: MessageResult): number =>
  outcomesBySeverity.indexOf(outcome) -
  ((outcome === "rejected" && error?.code === "RECORD_LOST") || isUnchecked ? 0.5 : 0);

const moreSerious = (a: MessageResult | undefined, b: MessageResult): MessageResult =>
  a === undefined || rankOf(b) < rankOf(a) ? b : a;

/** Returns the id of a message or of a stream record. A malformed record may have none. */
const idOf = (record: unknown): string => {
  const { messageId, eventID } = (record ?? {}) as { readonly messageId?: string; readonly eventID?: string };
  return messageId ?? eventID ?? "";
};

/**
 * Returns the names of the routes whose targets a dry run does not ask: their sinks have no dry run, or they are append
 * sinks, whose dry run can only encode a message.
 */
export const uncheckedRoutes = (routes: readonly Route[]): ReadonlySet<string> => {
  const unchecked = routes.filter(({ sink }) => sink.dryRun === undefined || sink.supports.writes === "append");
  return new Set(unchecked.map(({ name }) => name));
};

/** The outcome of each message of the event. In a dry run, the targets of the routes in `unchecked` were not asked. */
export const messageOutcomes = (
  { event, received }: Invocation,
  routes: readonly RouteResult[],
  unchecked: ReadonlySet<string> = new Set(),
): MessageOutcome[] => {
  const bySource = new Map<number, MessageResult>();
  received.forEach(({ source, unread }, position) => {
    if (unread !== undefined) {
      const error = unread as DeliveryResult["error"];
      bySource.set(source, { outcome: "retried", attempts: 0, ...(error && { error }) });
    }
    for (const { route, results } of routes) {
      const result = results.get(position);
      if (result === undefined) continue;
      const isUnchecked = result.outcome === "delivered" && unchecked.has(route);
      bySource.set(source, moreSerious(bySource.get(source), { ...result, route, isUnchecked }));
    }
  });
  return event.records.map((record, source) => {
    const { outcome, error, route, isUnchecked = false }: Partial<MessageResult> = bySource.get(source) ?? {};
    return {
      itemIdentifier: idOf(record),
      outcome: outcome ?? "filtered",
      ...(error && { code: error.code, message: error.message }),
      ...(error && route !== undefined && event.kind === "stream" && { route }),
      ...(isUnchecked && { isUnchecked: true as const }),
    };
  });
};
