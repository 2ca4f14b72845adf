// The faults that a test can inject into a target.

import type { Change } from "@sluice/core";

/**
 * A fault of a target. It lasts until `endFault`, except `close-idle`, which happens once.
 *
 * - `throttle`: the target throttles every request.
 * - `throttle-one`: the request succeeds, but the target throttles the entry of this change.
 * - `refuse`: the target rejects the entry of this change for good, and takes the others.
 * - `down`: the target refuses connections, or answers every request with "unavailable".
 * - `deny`: the caller lacks the permission.
 * - `drop-after-send`: the target executes the request, and the connection closes before the response.
 * - `hang`: the target takes the request, does nothing and never responds.
 * - `close-idle`: the target closes the connections that are open and idle.
 */
export type Fault =
  | { readonly kind: "throttle" | "down" | "deny" | "drop-after-send" | "hang" | "close-idle" }
  | { readonly kind: "throttle-one" | "refuse"; readonly change: Change };

/** The kinds of faults, by which a rig says which ones it cannot inject. */
export type FaultKind = Fault["kind"];
