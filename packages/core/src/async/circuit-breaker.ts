// The state machine of every circuit breaker: closed, open, half-open. Each target has one circuit in each environment,
// in memory. See docs/decisions/0013-one-circuit-breaker.md.

import { type Countdown, countdown, countedDown } from "./countdown.ts";
import type { Clock } from "./deadline.ts";

/** When a circuit opens, and for how long. */
export interface CircuitOptions {
  /** Number of consecutive failed calls that open the circuit. */
  readonly failures: number;
  /** Milliseconds until the first probe of an open circuit. Doubles with each failed probe. */
  readonly openMs: number;
  /** Upper limit of the time until a probe, in milliseconds. */
  readonly maxOpenMs: number;
  /** A probe that does not end expires after this many milliseconds, or after the next open time if that is longer. */
  readonly minProbeMs?: number;
  /** Returns a number from 0 to 1, which makes the second half of each open time random. Default: no randomness. */
  readonly random?: () => number;
}

/**
 * Closed: calls may be made. Open: no call may be made for another `remainingMs`. Half-open: only one call, the probe,
 * may be made. While the probe is in flight (`isProbing`), no other call may be made.
 */
export type CircuitState =
  | { readonly name: "closed" }
  | { readonly name: "open"; readonly remainingMs: number }
  | { readonly name: "half-open"; readonly isProbing: boolean };

/** What the end of a call shows about its target. `unknown`: the call ended before the target could answer. */
export type CallResult = "succeeded" | "failed" | "unknown";

/** A call in flight. */
export interface CircuitCall {
  /** Ends the call with its result. */
  readonly end: (result: CallResult) => void;
}

/** The circuit breaker of one target. */
export interface Circuit {
  readonly state: () => CircuitState;
  /** Number of failed calls since the last successful call. */
  readonly failures: () => number;
  /** Number of times that the circuit has opened since it was last closed; 0 while it is closed. */
  readonly openings: () => number;
  /** Starts a call. Use it only if `state` allows a call. In a half-open circuit this call is the probe. */
  readonly start: () => CircuitCall;
  /** Closes the circuit and forgets all failures. */
  readonly close: () => void;
}

/** Maximum number of doublings of the open time, so that `2 ** openings` stays finite. */
const maxDoublings = 30;

/** Creates a circuit, which is closed at first. */
export const circuit = (options: CircuitOptions, { now }: Pick<Clock, "now">): Circuit => {
  const { failures: failuresToOpen, openMs, maxOpenMs, minProbeMs = 0, random = () => 1 } = options;
  let failures = 0;
  let openings = 0;
  let openLeft: Countdown = countedDown;
  let probe: { readonly call: CircuitCall; readonly left: Countdown } | undefined;

  const nextOpenMs = (): number => {
    const longest = Math.min(maxOpenMs, openMs * 2 ** Math.min(openings, maxDoublings));
    return longest / 2 + (random() * longest) / 2;
  };
  const open = (): void => {
    openLeft = countdown(nextOpenMs(), now);
    openings += 1;
  };
  const close = (): void => {
    failures = 0;
    openings = 0;
    probe = undefined;
  };
  const end = (call: CircuitCall, result: CallResult): void => {
    const isProbe = probe?.call === call;
    if (isProbe) probe = undefined;
    if (result === "succeeded") close();
    if (result !== "failed") return;
    failures += 1;
    // A call that started before the circuit opened may fail later. Such a failure must not open the circuit again.
    if (isProbe || (openings === 0 && failures >= failuresToOpen)) open();
  };
  const isProbing = (): boolean => probe !== undefined && probe.left() > 0;
  const state = (): CircuitState => {
    if (openings === 0) return { name: "closed" };
    const remainingMs = openLeft();
    return remainingMs > 0 ? { name: "open", remainingMs } : { name: "half-open", isProbing: isProbing() };
  };
  return {
    state,
    failures: () => failures,
    openings: () => openings,
    start: () => {
      const call: CircuitCall = { end: (result) => end(call, result) };
      if (state().name === "half-open" && !isProbing()) {
        // Lambda may freeze the environment during a probe. Such a probe never ends, so every probe must expire.
        probe = { call, left: countdown(Math.max(nextOpenMs(), minProbeMs), now) };
      }
      return call;
    },
    close,
  };
};
