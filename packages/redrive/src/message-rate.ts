// Limits how many messages are sent in a second.

import type { Clock } from "@sluice/core/sink-kit";

/** A limit of messages per second. */
export interface MessageRate {
  /** Milliseconds until the next messages may be sent. */
  readonly waitMs: () => number;
  /** Resolves when the next messages may be sent, or when the signal aborts. */
  readonly wait: (signal: AbortSignal) => Promise<void>;
  /** Counts messages that are being sent now. */
  readonly spend: (messages: number) => void;
  /** Maximum number of messages that may be sent together. */
  readonly burst: number;
}

/** Limits messages to a rate. A burst contains at most the messages of one second. `undefined`: no limit. */
export const messageRate = (
  perSecond: number | undefined,
  { now, sleep }: Pick<Clock, "now" | "sleep">,
): MessageRate => {
  let nextAt = Number.NEGATIVE_INFINITY;
  const waitMs = (): number => Math.max(0, nextAt - now());
  return {
    waitMs,
    wait: async (signal) => {
      if (waitMs() > 0) await sleep(waitMs(), signal);
    },
    spend: (messages) => {
      if (perSecond !== undefined) nextAt = Math.max(nextAt, now()) + (messages * 1_000) / perSecond;
    },
    burst: perSecond ?? Number.POSITIVE_INFINITY,
  };
};
