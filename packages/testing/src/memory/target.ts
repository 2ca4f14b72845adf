// The target of the memory sinks. It executes requests, counts them, and simulates faults.

import { setImmediate } from "node:timers/promises";
import { type Delivery, type SinkErrorCode, untilAborted } from "@sluice/core/sink-kit";
import type { Fault, FaultKind } from "../conformance/fault.ts";

/** The target's answer for one entry of a request. */
export type TargetAnswer = "taken" | "older" | "throttled" | "refused";

/** The error of a request that failed as a whole, as a client library would throw it. */
export class TargetError extends Error {
  readonly reason: "throttled" | "unavailable" | "denied" | "lost" | "aborted";

  constructor(reason: TargetError["reason"]) {
    super(`the target answered: ${reason}`);
    this.name = "TargetError";
    this.reason = reason;
  }
}

/** The sink's error code for each reason of a failed request. */
export const codeOfReason: Readonly<Record<TargetError["reason"], SinkErrorCode>> = {
  throttled: "SINK_THROTTLED",
  unavailable: "SINK_UNAVAILABLE",
  lost: "SINK_UNAVAILABLE",
  denied: "SINK_DENIED",
  aborted: "SINK_TIMEOUT",
};

/** The controls of a memory target, for tests. */
export interface TargetControl {
  readonly fail: (fault: Fault) => void;
  /** Ends every fault. */
  readonly endFault: () => void;
  /** Requests that reached the target so far. */
  readonly requests: () => number;
}

/** Sends one request. @throws {TargetError} when the request fails as a whole. */
export type Request<Entry extends Delivery> = (
  entries: readonly Entry[],
  signal: AbortSignal,
) => Promise<readonly TargetAnswer[]>;

/** A target in memory. */
export interface MemoryTarget<Entry extends Delivery> extends TargetControl {
  readonly request: Request<Entry>;
  /** Returns the answers that `request` would return, but does not change the target. */
  readonly dryRun: Request<Entry>;
  /** Executes a request that reads. @throws {TargetError} when the request fails. */
  readonly ask: <Answer>(read: () => Answer, signal: AbortSignal) => Promise<Answer>;
}

/** A response that never arrives. */
const noResponse: Promise<never> = new Promise(() => undefined);

/** The reason of each fault that fails a request before the target executes the request. */
const failuresBefore: { readonly [Kind in FaultKind]?: TargetError["reason"] } = {
  throttle: "throttled",
  down: "unavailable",
  deny: "denied",
};

/** Returns `older` if the target already holds the entry's version or a newer version. */
type Decide<Entry> = (entry: Entry) => "taken" | "older";

/**
 * Creates a target. It executes a request by calling `take` for each entry, and no other request runs in between.
 * `decide` returns the same answer as `take`, but does not store the entry.
 */
export const memoryTarget = <Entry extends Delivery>(
  take: Decide<Entry>,
  decide: Decide<Entry>,
): MemoryTarget<Entry> => {
  let fault: Fault | undefined;
  let idleClosed = false;
  let requests = 0;

  const answer = (entry: Entry, decideEntry: Decide<Entry>): TargetAnswer => {
    const hit = fault !== undefined && "change" in fault && fault.change.eventId === entry.change.eventId;
    if (!hit) return decideEntry(entry);
    return fault?.kind === "refuse" ? "refused" : "throttled";
  };

  const ask: MemoryTarget<Entry>["ask"] = async (execute, signal) => {
    requests += 1;
    await setImmediate();
    if (fault?.kind === "hang") return untilAborted(noResponse, signal, () => new TargetError("aborted"));
    const failure = idleClosed ? "lost" : fault && failuresBefore[fault.kind];
    idleClosed = false;
    if (failure !== undefined) throw new TargetError(failure);
    const answered = execute();
    if (fault?.kind === "drop-after-send") throw new TargetError("lost");
    return answered;
  };

  const requestBy =
    (decideEntry: Decide<Entry>): Request<Entry> =>
    (entries, signal) =>
      ask(() => entries.map((entry) => answer(entry, decideEntry)), signal);

  return {
    request: requestBy(take),
    dryRun: requestBy(decide),
    ask,
    requests: () => requests,
    fail: (next) => {
      if (next.kind === "close-idle") idleClosed = true;
      else fault = next;
    },
    endFault: () => {
      fault = undefined;
    },
  };
};
