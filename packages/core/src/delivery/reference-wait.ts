// Limits how long a delivery waits for what its message refers to, for example the row that a foreign key names.

import type { Clock } from "../async/deadline.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { Received } from "../intake/received.ts";
import { changeResults, type DeliveryResult, type Results } from "./delivery-result.ts";

/** Waiting times of a route, in milliseconds. A delivery that waits in the stream holds up its shard. */
export interface ReferenceWaits {
  readonly inQueue: number;
  readonly inStream: number;
}

/** Limits the waiting times of one route. Lives as long as the environment. */
export interface ReferenceWait {
  /** Rejects deliveries that have waited too long for a reference, and returns all results. */
  readonly limit: (invocation: Invocation, results: Results) => Results;
}

const isWaiting = ({ outcome, isQueued, error }: DeliveryResult): boolean =>
  outcome === "retried" && isQueued !== true && error?.code === "SINK_REFERENCE_MISSING";

/** Waiting deliveries of the stream that one environment remembers. */
const maxRemembered = 10_000;

/** Creates the limit of a route. */
export const referenceWait = ({ inQueue, inStream }: ReferenceWaits, clock: Clock): ReferenceWait => {
  /** When deliveries of the stream first failed for this reason, by event id. In the order of these times. */
  const firstFailures = new Map<string, number>();

  const firstFailureOf = (eventId: string, now: number): number => {
    const known = firstFailures.get(eventId);
    if (known !== undefined) return known;
    const [oldest] = firstFailures.keys();
    if (firstFailures.size >= maxRemembered && oldest !== undefined) firstFailures.delete(oldest);
    firstFailures.set(eventId, now);
    return now;
  };

  /** Whether a delivery that failed for this reason has waited too long. */
  const isOver = ({ change, envelope }: Received, now: number): boolean => {
    // A message whose time is unreadable has waited too long.
    if (envelope !== undefined) return !(now - Date.parse(envelope.firstFailedAt) < inQueue);
    return change !== undefined && now - firstFailureOf(change.eventId, now) >= inStream;
  };

  return {
    limit: ({ received }, results) => {
      const now = clock.now();
      return changeResults(results, (result, position) => {
        const one = received[position] as Received;
        if (isWaiting(result)) return isOver(one, now) ? { ...result, outcome: "rejected" } : undefined;
        if (firstFailures.size > 0 && one.change !== undefined) firstFailures.delete(one.change.eventId);
        return undefined;
      });
    },
  };
};
