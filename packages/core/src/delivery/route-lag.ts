// How far a route is behind: the age of the oldest change that it settled, or that it could not deliver yet.

import { longestDelay } from "../envelope/retry-queue.ts";
import { isTargetDown } from "../errors.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { Received } from "../intake/received.ts";
import type { Origin } from "../record/change.ts";
import type { DeliveryResult, Results, RouteResult } from "./delivery-result.ts";

/** How far a route is behind. Without members if no change of the invocation concerns the route. */
export interface RouteLag {
  /** Age of the oldest change that the route settled in this invocation, or that is still pending, in milliseconds. */
  readonly lagMs?: number;
  /** Age of the oldest delivery that is still pending, in milliseconds. Absent if no pending delivery has a time. */
  readonly pendingAgeMs?: number;
  /** Number of pending deliveries, as far as this environment knows. Absent if no delivery is pending. */
  readonly pending?: number;
}

/** What the lag of a route needs of its result. */
type Settled = Pick<RouteResult, "results" | "endedAt">;

/** A delivery in the retry queue. */
interface Waiting {
  /** 0 if the record has no time. */
  readonly createdAt: number;
  /** When the delivery is forgotten, because another environment has surely tried it. */
  readonly until: number;
}

/** Milliseconds from the time at which SQS shows a message until a function has tried its delivery. */
const slackMs = 60_000;
/** The delays of `sqsRetryQueue`. */
const defaultDelaysMs = [5_000, 900_000] as const;
/** A longer memory would find no older delivery: the first deliveries of an outage are the oldest. */
const mostWaiting = 10_000;

/** When the change was made, in milliseconds since the epoch, or 0 if the record has no time. */
export const createdAtOf = ({ change, record }: Received): number => {
  if (change !== undefined) return change.approximateCreationTimeMs;
  const seconds: unknown = record?.dynamodb?.ApproximateCreationDateTime;
  return typeof seconds === "number" ? seconds * 1_000 : 0;
};

/** Whether events of this origin tell how far a route is behind. The records of redrives, backfills and replays are old on purpose. */
export const isLive = (origin: Origin): boolean => origin === "stream" || origin === "retry";

/** Age in whole milliseconds. 0 if the clocks differ so much that it would be negative. */
export const ageAt = (now: number, createdAt: number): number => Math.max(0, Math.round(now - createdAt));

/** When the oldest of these changes was made. Infinity if no change has a time. */
const oldestOf = (
  received: readonly Received[],
  results: Results,
  isCounted: (result: DeliveryResult) => boolean,
): number => {
  let oldest = Number.POSITIVE_INFINITY;
  for (const [position, result] of results) {
    const createdAt = isCounted(result) ? createdAtOf(received[position] as Received) : 0;
    if (createdAt > 0 && createdAt < oldest) oldest = createdAt;
  }
  return oldest;
};

/**
 * Computes the lag of one route, and remembers which of its deliveries are in the retry queue: while they wait there, no
 * invocation sees them, and new changes alone would look as if the route were up to date. Another environment may settle
 * them. So each delivery is remembered only until its next attempt is due.
 */
export class LagMeter {
  readonly #delaysMs: readonly [number, number];
  readonly #waiting = new Map<string, Waiting>();

  /** @param delaysMs shortest and longest delay between two attempts of the retry queue, in milliseconds. */
  constructor(delaysMs: readonly [number, number] = defaultDelaysMs) {
    this.#delaysMs = delaysMs;
  }

  /** Returns the lag after an invocation. Only live events have a lag. */
  after({ results, endedAt: now }: Settled, { origin, received }: Invocation): RouteLag {
    if (!isLive(origin)) return {};
    let inStream = 0;
    for (const [position, result] of results) {
      if (result.isQueued || origin === "retry") this.#remember(received[position] as Received, result, now);
      else if (result.outcome === "retried") inStream += 1;
    }
    const retried = oldestOf(received, results, ({ outcome }) => outcome === "retried");
    const pending = Math.min(retried, this.#oldestWaiting(now));
    const oldest = Math.min(
      pending,
      oldestOf(received, results, ({ outcome }) => outcome !== "filtered"),
    );
    const count = inStream + this.#waiting.size;
    return {
      ...(Number.isFinite(oldest) && { lagMs: ageAt(now, oldest) }),
      ...(Number.isFinite(pending) && { pendingAgeMs: ageAt(now, pending) }),
      ...(count > 0 && { pending: count }),
    };
  }

  #remember(one: Received, result: DeliveryResult, now: number): void {
    const id = idOf(one);
    const createdAt = createdAtOf(one);
    if (result.outcome !== "retried") this.#waiting.delete(id);
    else if (this.#waiting.size < mostWaiting || this.#waiting.has(id)) {
      const delayMs = result.isQueued ? this.#delaysMs[0] : this.#longestDelayOf(one, result, now);
      this.#waiting.set(id, { createdAt, until: now + delayMs + slackMs });
    }
  }

  #longestDelayOf(one: Received, { attempts, error }: DeliveryResult, now: number): number {
    const isOutage = attempts === 0 || (error !== undefined && isTargetDown(error.code));
    const firstFailedAt = Date.parse(one.envelope?.firstFailedAt ?? "");
    return longestDelay({ age: ageAt(now, firstFailedAt || createdAtOf(one)), isOutage }, this.#delaysMs);
  }

  #oldestWaiting(now: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const [id, { createdAt, until }] of this.#waiting) {
      if (until <= now) this.#waiting.delete(id);
      else if (createdAt > 0 && createdAt < oldest) oldest = createdAt;
    }
    return oldest;
  }
}

const idOf = ({ change, envelope }: Received): string => change?.eventId ?? envelope?.id ?? "";
