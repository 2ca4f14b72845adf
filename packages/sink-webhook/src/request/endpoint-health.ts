// What this environment knows about the endpoint: whether it answers, and how long the sink must wait after a
// `Retry-After`. The state is in memory, per sink and environment: docs/decisions/0011-circuit-and-retry-after.md.

import {
  type CircuitCall,
  type CircuitOptions,
  type Countdown,
  circuit,
  countdown,
  countedDown,
} from "@sluice/core/sink-kit";

/** Why no request may be sent now: the circuit is open, or the endpoint asked to wait. */
export interface RequestRefusal {
  readonly reason: "open" | "retry-after";
  /** Milliseconds until the next request may start. Undefined: a request may start when the present probe has ended. */
  readonly waitMs: number | undefined;
}

/** The endpoint's health, judged by its requests. */
export interface EndpointHealth {
  /** Returns why no request for the item may start now; undefined if a request may start. */
  readonly refusal: (itemKey: string) => RequestRefusal | undefined;
  /** Starts a request for the item, after `refusal` has allowed it. */
  readonly start: (itemKey: string) => CircuitCall;
  /** Refuses requests for this long, because the endpoint sent `Retry-After`. */
  readonly pause: (ms: number) => void;
}

/** Creates an `EndpointHealth`. At first, the endpoint counts as healthy. */
export const endpointHealth = (options: CircuitOptions, now: () => number): EndpointHealth => {
  const breaker = circuit(options, { now });
  let pauseLeft: Countdown = countedDown;
  /** The item whose request opened the circuit. It is refused once, so that another item can probe first. */
  let suspect: string | undefined;

  const refuseSuspect = (itemKey: string): RequestRefusal | undefined => {
    if (itemKey !== suspect) return undefined;
    suspect = undefined;
    return { reason: "open", waitMs: undefined };
  };
  return {
    refusal: (itemKey) => {
      const pauseMs = pauseLeft();
      if (pauseMs > 0) return { reason: "retry-after", waitMs: pauseMs };
      const state = breaker.state();
      if (state.name === "closed") return undefined;
      if (state.name === "open") return { reason: "open", waitMs: state.remainingMs };
      return state.isProbing ? { reason: "open", waitMs: undefined } : refuseSuspect(itemKey);
    },
    start: (itemKey) => {
      const call = breaker.start();
      return {
        end: (result) => {
          const openings = breaker.openings();
          call.end(result);
          if (breaker.openings() > openings) suspect = itemKey;
          if (result === "succeeded") suspect = undefined;
        },
      };
    },
    pause: (ms) => {
      pauseLeft = countdown(Math.max(pauseLeft(), ms), now);
    },
  };
};
