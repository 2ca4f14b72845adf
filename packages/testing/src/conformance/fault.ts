// The faults that a test can inject into a target.

import type { Change } from "@sluice/core";

/**
 * A fault of a target. It lasts until `endFault`, except `close-idle`, which happens once.
 *
 * - `throttle`: the target throttles every request.
 * - `throttle-one`: the request succeeds, but the target throttles the entry of this change.
 * - `refuse`: the target rejects the entry of this change permanently, and accepts all other entries.
 * - `down`: the target refuses connections, or answers every request with "unavailable".
 * - `deny`: the target rejects every request, because the caller lacks a permission.
 * - `drop-after-send`: the target executes the request, but the connection closes before the response.
 * - `hang`: the target receives the request, but never executes it and never responds.
 * - `close-idle`: the target closes the connections that are open and idle.
 */
export type Fault =
  | { readonly kind: "throttle" | "down" | "deny" | "drop-after-send" | "hang" | "close-idle" }
  | { readonly kind: "throttle-one" | "refuse"; readonly change: Change };

/** The kind of a fault. A rig lists the kinds that it cannot inject. */
export type FaultKind = Fault["kind"];
