// What a test can make a target do wrong.

import type { Change } from "@sluice/core";

/**
 * A way for a target to fail. Each holds until the target is healed, but `close-idle`, which happens once.
 *
 * - `throttle`: every request is answered with "slow down".
 * - `throttle-one`: the request succeeds but for this change's entry, which is throttled.
 * - `refuse`: this change's entry is refused for good, others are taken.
 * - `down`: connections are refused, or every request is answered with "unavailable".
 * - `deny`: the caller lacks the permission.
 * - `drop-after-send`: the target does its work, and the connection ends before its answer.
 * - `hang`: the target takes the request, does nothing and never answers.
 * - `close-idle`: the target closes the connections that are open and idle.
 */
export type Fault =
  | { readonly kind: "throttle" | "down" | "deny" | "drop-after-send" | "hang" | "close-idle" }
  | { readonly kind: "throttle-one" | "refuse"; readonly change: Change };

export type FaultKind = Fault["kind"];
