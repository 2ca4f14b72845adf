// A redrive that somebody asked for, rather than a queue: each message is answered with its outcome, or with what it
// would be.

import type { Outcome, Verdict } from "../delivery/item-queue.ts";
import type { Route } from "../delivery/route.ts";
import { type Delivery, delivered, type Sink, withWrite } from "../sink/sink.ts";
import type { Invocation } from "./invocation.ts";
import type { RouteVerdicts } from "./report.ts";

/**
 * The route, without its target: `write` answers what it would. Where the sink cannot look, what it has no reason to
 * refuse counts as delivered.
 */
export const peeking = (route: Route): Route => {
  const { sink } = route;
  const write: Sink<unknown>["write"] = async (batch, context) =>
    sink.peek === undefined ? batch.map((delivery: Delivery) => delivered(delivery)) : sink.peek(batch, context);
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
const rankOf = ({ outcome, error }: Verdict): number =>
  gravest.indexOf(outcome) - (outcome === "rejected" && error?.code === "RECORD_LOST" ? 0.5 : 0);

const graver = (a: Verdict | undefined, b: Verdict): Verdict => (a === undefined || rankOf(b) < rankOf(a) ? b : a);

const messageIdOf = (record: unknown): string => (record as { readonly messageId?: string }).messageId ?? "";

/** The outcome of each message of the event. */
export const messageOutcomes = (
  { event, received }: Pick<Invocation, "event" | "received">,
  routes: readonly RouteVerdicts[],
): MessageOutcome[] => {
  const bySource = new Map<number, Verdict>();
  received.forEach(({ source, unread }, position) => {
    if (unread !== undefined) {
      const error = unread as Verdict["error"];
      bySource.set(source, { outcome: "retried", tries: 0, ...(error && { error }) });
    }
    for (const { verdicts } of routes) {
      const verdict = verdicts.get(position);
      if (verdict !== undefined) bySource.set(source, graver(bySource.get(source), verdict));
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
