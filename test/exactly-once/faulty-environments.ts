// Lambda environments with planned faults: requests fail, are throttled, or crash the environment.

import type { AdjustableClock } from "./adjustable-clock.ts";

/** The planned faults. Requests and invocations count from 1, over all environments. */
export interface FaultPlan {
  /** One entry fails in every request whose number is a multiple of `failingEvery`. */
  readonly failingEvery: number;
  /** Number of the first request that is throttled. The target throttles for `throttledMs`. */
  readonly throttledFrom: number;
  readonly throttledMs: number;
  /** The environment crashes before it sends the request with this number. */
  readonly crashBefore?: number;
  /**
   * The environment crashes after the work and before the response of the invocation with this number, or of a later
   * one.
   */
  readonly crashAfter?: number;
}

/** Whether the target accepted each entry of a request, or `throttled` if it accepted no entry. */
export type Accepted = readonly boolean[] | "throttled";

/** One environment of the function, until it crashes. */
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
  /** The number of faults that occurred, by kind. */
  readonly counts: { requests: number; failedEntries: number; throttled: number; crashes: number };
}

const never = new Promise<never>(() => {});

/** Speed of the clock while the target throttles: a minute passes in two seconds. */
const throttlingSpeed = 30;

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
