// A target in memory, with requests, limits and faults: what the memory sinks write to.

import { setImmediate } from "node:timers/promises";
import type { Delivery, SinkErrorCode } from "@sluice/core/sink-kit";
import type { Fault } from "../conformance/fault.ts";

/** The target's answer for one entry of a request. */
export type Answer = "taken" | "older" | "throttled" | "refused";

/** A request that failed as a whole: what a client library would throw. */
export class TargetError extends Error {
  readonly reason: "throttled" | "unavailable" | "denied" | "lost" | "aborted";

  constructor(reason: TargetError["reason"]) {
    super(`the target answered: ${reason}`);
    this.name = "TargetError";
    this.reason = reason;
  }
}

export const codeOfReason: Readonly<Record<TargetError["reason"], SinkErrorCode>> = {
  throttled: "SINK_THROTTLED",
  unavailable: "SINK_UNAVAILABLE",
  lost: "SINK_UNAVAILABLE",
  denied: "SINK_DENIED",
  aborted: "SINK_TIMEOUT",
};

/** What a test may do to a memory sink. */
export interface TargetControl {
  readonly fail: (fault: Fault) => void;
  /** Ends every fault. */
  readonly heal: () => void;
  /** Requests that reached the target so far. */
  readonly requests: () => number;
}

/** One request. @throws {TargetError} when it fails as a whole. */
export type Request<Entry extends Delivery> = (
  entries: readonly Entry[],
  signal: AbortSignal,
) => Promise<readonly Answer[]>;

export interface MemoryTarget<Entry extends Delivery> extends TargetControl {
  readonly request: Request<Entry>;
  /** A request that changes nothing, and is answered as the other would be. */
  readonly look: Request<Entry>;
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = (): void => reject(new TargetError("aborted"));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });

/** Why this fault fails a request before the target does anything; undefined when it does not. */
const refusalOf = (fault: Fault | undefined): TargetError["reason"] | undefined => {
  if (fault?.kind === "throttle") return "throttled";
  if (fault?.kind === "down") return "unavailable";
  return fault?.kind === "deny" ? "denied" : undefined;
};

/** What a target says of an entry. */
type Judge<Entry> = (entry: Entry) => "taken" | "older";

/**
 * A target that takes each entry by `take`, which is atomic as no other request runs meanwhile; `judge` says what `take`
 * would.
 */
export const memoryTarget = <Entry extends Delivery>(take: Judge<Entry>, judge: Judge<Entry>): MemoryTarget<Entry> => {
  let fault: Fault | undefined;
  let idleClosed = false;
  let requests = 0;

  const answer = (entry: Entry, asked: Judge<Entry>): Answer => {
    const hit = fault !== undefined && "change" in fault && fault.change.eventId === entry.change.eventId;
    if (!hit) return asked(entry);
    return fault?.kind === "refuse" ? "refused" : "throttled";
  };

  const asking =
    (asked: Judge<Entry>): Request<Entry> =>
    async (entries, signal) => {
      requests += 1;
      await setImmediate();
      if (fault?.kind === "hang") return untilAborted(signal);
      const refusal = idleClosed ? "lost" : refusalOf(fault);
      idleClosed = false;
      if (refusal !== undefined) throw new TargetError(refusal);
      const answers = entries.map((entry) => answer(entry, asked));
      if (fault?.kind === "drop-after-send") throw new TargetError("lost");
      return answers;
    };

  return {
    request: asking(take),
    look: asking(judge),
    requests: () => requests,
    fail: (next) => {
      if (next.kind === "close-idle") idleClosed = true;
      else fault = next;
    },
    heal: () => {
      fault = undefined;
    },
  };
};
