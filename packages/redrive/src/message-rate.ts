// Limits how many messages are sent in a second.

import { type Clock, type Countdown, countdown, countedDown } from "@sluice/core/sink-kit";

/** A limit of messages per second. */
export interface MessageRate {
  /** Returns the milliseconds until the next messages may be sent. */
  readonly waitMs: () => number;
  /** Resolves when the next messages may be sent, or when the signal aborts. */
  readonly wait: (signal: AbortSignal) => Promise<void>;
  /** Must be called with the number of messages when messages are sent. The next wait depends on this number. */
  readonly spend: (messages: number) => void;
  /** Maximum number of messages that may be sent together. */
  readonly burst: number;
}

/** Creates a limit. `burst` is the number of messages per second. If `perSecond` is undefined, nothing is limited. */
export const messageRate = (
  perSecond: number | undefined,
  { now, sleep }: Pick<Clock, "now" | "sleep">,
): MessageRate => {
  let waitMs: Countdown = countedDown;
  return {
    waitMs: () => waitMs(),
    wait: async (signal) => {
      if (waitMs() > 0) await sleep(waitMs(), signal);
    },
    spend: (messages) => {
      if (perSecond !== undefined) waitMs = countdown(waitMs() + (messages * 1_000) / perSecond, now);
    },
    burst: perSecond ?? Number.POSITIVE_INFINITY,
  };
};
