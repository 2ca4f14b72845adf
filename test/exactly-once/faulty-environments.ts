// Lambda environments with planned faults: a request fails or is throttled, or the environment crashes.

import type { AdjustableClock } from "./adjustable-clock.ts";

/** The planned faults. The numbers of requests and invocations start at 1 and continue over all environments. */
export interface FaultPlan {
  /** If `failingEvery` divides the number of a request, one entry of the request fails. */
  readonly failingEvery: number;
  /** Number of the first request that is throttled. From then on, every request is throttled for `throttledMs`. */
  readonly throttledFrom: number;
  readonly throttledMs: number;
  /** The environment crashes just before it sends the request with this number. */
  readonly crashBefore?: number;
  /**
   * The crash happens at the end of the invocation with this number, before its response. If that invocation cannot
   * crash, the crash happens at the end of a later invocation.
   */
  readonly crashAfter?: number;
}

/** For each entry of a request, whether the target accepted the entry. `throttled` if the target accepted no entry. */
export type Accepted = readonly boolean[] | "throttled";

/** One execution environment of the function. It exists until it crashes. */
export interface Environment {
  readonly request: (
    count: number,
    send: (isFailing: (index: number) => boolean) => Promise<void>,
  ) => Promise<Accepted>;
  readonly run: <Value>(work: () => Promise<Value>) => Promise<Value>;
  readonly hasCrashed: () => boolean;
}

export interface FaultyEnvironments {
  readonly environment: () => Environment;
  /** Number of requests so far, and number of faults of each kind. */
  readonly counts: { requests: number; failedEntries: number; throttled: number; crashes: number };
}

const never = new Promise<never>(() => {});

/** Speed of the clock while the target throttles: one minute takes half a second. */
const throttlingSpeed = 120;

export const faultyEnvironments = (
  plan: FaultPlan,
  clock: Pick<AdjustableClock, "sleep" | "setSpeed">,
): FaultyEnvironments => {
  const counts = { requests: 0, failedEntries: 0, throttled: 0, crashes: 0 };
  let invocations = 0;
  let isThrottling = false;
  let hasCrashedAfter = false;

  const throttle = async (): Promise<void> => {
    isThrottling = true;
    clock.setSpeed(throttlingSpeed);
    await clock.sleep(plan.throttledMs);
    clock.setSpeed(1);
    isThrottling = false;
  };
  const isThrottled = (): boolean => {
    if (counts.requests === plan.throttledFrom) void throttle();
    return isThrottling;
  };

  const environment = (): Environment => {
    let isCrashed = false;
    let crash: () => Promise<never> = () => never;
    const crashed = new Promise<never>((_, reject) => {
      crash = () => {
        isCrashed = true;
        counts.crashes += 1;
        reject(new Error("the environment crashed"));
        return never;
      };
    });
    crashed.catch(() => undefined);
    return {
      hasCrashed: () => isCrashed,
      request: async (count, send) => {
        if (isCrashed) return never;
        counts.requests += 1;
        if (counts.requests === plan.crashBefore) return crash();
        if (isThrottled()) {
          counts.throttled += 1;
          return "throttled";
        }
        const failures = counts.requests / plan.failingEvery;
        const failing = Number.isInteger(failures) ? failures % count : -1;
        if (failing >= 0) counts.failedEntries += 1;
        const isFailing = (index: number): boolean => index === failing;
        await send(isFailing);
        return Array.from({ length: count }, (_, index) => !isFailing(index));
      },
      run: async (work) => {
        invocations += 1;
        const invocation = invocations;
        const value = await Promise.race([work(), crashed]);
        if (hasCrashedAfter || plan.crashAfter === undefined || invocation < plan.crashAfter) return value;
        hasCrashedAfter = true;
        return await Promise.race([crash(), crashed]);
      },
    };
  };
  return { environment, counts };
};
