// How far a route is behind: the age of the oldest change that it settled, or that it could not deliver yet.

import type { Invocation } from "../intake/invocation.ts";
import type { Received } from "../intake/received.ts";
import type { RouteResult } from "./delivery-result.ts";

/** How far a route is behind. Without members if no change of the invocation concerns the route. */
export interface RouteLag {
  /** Age of the oldest change that the route settled in this invocation, or that is still pending, in milliseconds. */
  readonly lagMs?: number;
  /** Age of the oldest delivery that is still pending, in milliseconds. Absent if no delivery is pending. */
  readonly pendingAgeMs?: number;
}

/** What the lag of a route needs of its result. */
type Settled = Pick<RouteResult, "results" | "endedAt">;

/** A delivery in the retry queue. */
interface Waiting {
  readonly createdAt: number;
  /** When the delivery is forgotten, because another environment has surely tried it. */
  readonly until: number;
}

/** A delivery that was attempted, or put into the retry queue. */
interface Attempted {
  readonly isPending: boolean;
  readonly createdAt: number;
  readonly now: number;
}

/** Milliseconds from the time at which SQS shows a message until a function has tried its delivery. */
const slackMs = 60_000;
/** SQS' longest delay of a new message. */
const defaultDelayMs = 900_000;
/** A longer memory would find no older delivery: the first deliveries of an outage are the oldest. */
const mostWaiting = 10_000;

/** When the change was made, in milliseconds since the epoch, or 0 if the record has no time. */
export const createdAtOf = ({ change, record }: Received): number => {
  if (change !== undefined) return change.approximateCreationTimeMs;
  const seconds: unknown = record?.dynamodb?.ApproximateCreationDateTime;
  return typeof seconds === "number" ? seconds * 1_000 : 0;
};

const ageAt = (now: number, createdAt: number): number => Math.max(0, Math.round(now - createdAt));

/**
 * Computes the lag of one route, and remembers which of its deliveries are in the retry queue: while they wait there, no
 * invocation sees them, and new changes alone would look as if the route were up to date. Another environment may settle
 * them. So each delivery is remembered only until its next attempt is due.
 */
export class LagMeter {
  readonly #longestDelayMs: number;
  readonly #waiting = new Map<string, Waiting>();

  /** @param longestDelayMs longest delay between two attempts of the retry queue, in milliseconds. */
  constructor(longestDelayMs: number = defaultDelayMs) {
    this.#longestDelayMs = longestDelayMs;
  }

  /** Returns the lag after an invocation. Redrives, backfills and replays have no lag: their records are old on purpose. */
  after({ results, endedAt }: Settled, { origin, received }: Invocation): RouteLag {
    if (origin !== "stream" && origin !== "retry") return {};
    let oldest = Number.POSITIVE_INFINITY;
    let pending = Number.POSITIVE_INFINITY;
    for (const [position, { outcome, isQueued }] of results) {
      const one = received[position] as Received;
      const createdAt = createdAtOf(one);
      if (isQueued || origin === "retry")
        this.#remember(one, { isPending: outcome === "retried", createdAt, now: endedAt });
      if (outcome === "filtered" || createdAt === 0) continue;
      if (createdAt < oldest) oldest = createdAt;
      if (outcome === "retried" && createdAt < pending) pending = createdAt;
    }
    pending = Math.min(pending, this.#oldestWaiting(endedAt));
    oldest = Math.min(oldest, pending);
    return {
      ...(Number.isFinite(oldest) && { lagMs: ageAt(endedAt, oldest) }),
      ...(Number.isFinite(pending) && { pendingAgeMs: ageAt(endedAt, pending) }),
    };
  }

  #remember(one: Received, { isPending, createdAt, now }: Attempted): void {
    const id = idOf(one);
    if (!isPending) this.#waiting.delete(id);
    else if (createdAt > 0 && (this.#waiting.size < mostWaiting || this.#waiting.has(id))) {
      // The delay grows with the age of the delivery.
      const delayMs = Math.min(this.#longestDelayMs, ageAt(now, createdAt));
      this.#waiting.set(id, { createdAt, until: now + delayMs + slackMs });
    }
  }

  #oldestWaiting(now: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const [id, { createdAt, until }] of this.#waiting) {
      if (until <= now) this.#waiting.delete(id);
      else if (createdAt < oldest) oldest = createdAt;
    }
    return oldest;
  }
}

const idOf = ({ change, envelope }: Received): string => change?.eventId ?? envelope?.id ?? "";
