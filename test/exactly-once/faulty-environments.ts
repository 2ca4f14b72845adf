// What is outside of a function and outlives it: the target, its bad days, and the function's deaths.

import type { UnevenClock } from "./adjustable-clock.ts";

/** What happens when. Requests and invocations count from 1, over all environments. */
export interface Outage {
  /** Every how manyeth request fails one of its entries. */
  readonly failingEvery: number;
  /** The request that begins an outage, and how long that lasts: the target throttles. */
  readonly throttledFrom: number;
  readonly throttledMs: number;
  /** The request before which the function dies. */
  readonly diesBefore?: number;
  /** The first invocation from this one on that delivers to its end dies before it answers. */
  readonly diesAfter?: number;
}

/** The answer to one request: by place, whether the target took the entry. Throttled: it took none. */
export type Taken = readonly boolean[] | "throttled";

/** One environment of the function, until it dies. */
export interface Environment {
  readonly request: (count: number, send: (isSpoilt: (index: number) => boolean) => Promise<void>) => Promise<Taken>;
  readonly live: <Value>(work: () => Promise<Value>) => Promise<Value>;
  readonly isDead: () => boolean;
}

export interface Outside {
  readonly environment: () => Environment;
  /** What happened. */
  readonly counts: { requests: number; failedEntries: number; throttled: number; deaths: number };
}

const never = new Promise<never>(() => {});

/** How fast an outage passes: a minute in two seconds. */
const outagePace = 30;

export const outsideOf = (outage: Outage, clock: Pick<UnevenClock, "sleep" | "setPace">): Outside => {
  const counts = { requests: 0, failedEntries: 0, throttled: 0, deaths: 0 };
  let invocations = 0;
  let throttles = false;
  let hasDiedAfter = false;

  const throttle = async (): Promise<void> => {
    throttles = true;
    clock.setPace(outagePace);
    await clock.sleep(outage.throttledMs);
    clock.setPace(1);
    throttles = false;
  };
  const isThrottled = (): boolean => {
    if (counts.requests === outage.throttledFrom) void throttle();
    return throttles;
  };

  const environment = (): Environment => {
    let dead = false;
    let die: () => Promise<never> = () => never;
    const death = new Promise<never>((_, reject) => {
      die = () => {
        dead = true;
        counts.deaths += 1;
        reject(new Error("the environment died"));
        return never;
      };
    });
    death.catch(() => undefined);
    return {
      isDead: () => dead,
      request: async (count, send) => {
        if (dead) return never;
        counts.requests += 1;
        if (counts.requests === outage.diesBefore) return die();
        if (isThrottled()) {
          counts.throttled += 1;
          return "throttled";
        }
        const failures = counts.requests / outage.failingEvery;
        const spoilt = Number.isInteger(failures) ? failures % count : -1;
        if (spoilt >= 0) counts.failedEntries += 1;
        const isSpoilt = (index: number): boolean => index === spoilt;
        await send(isSpoilt);
        return Array.from({ length: count }, (_, index) => !isSpoilt(index));
      },
      live: async (work) => {
        invocations += 1;
        const invocation = invocations;
        const value = await Promise.race([work(), death]);
        if (hasDiedAfter || outage.diesAfter === undefined || invocation < outage.diesAfter) return value;
        hasDiedAfter = true;
        return await Promise.race([die(), death]);
      },
    };
  };
  return { environment, counts };
};
