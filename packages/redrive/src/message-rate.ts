// How fast messages may be taken up.

import type { Clock } from "@sluice/core/sink-kit";

/** A pace of messages. */
export interface Pace {
  /** Milliseconds before the next messages may be taken up. */
  readonly waitMs: () => number;
  /** Tells that so many were. */
  readonly spend: (messages: number) => void;
  /** Messages that may be taken up at once. */
  readonly most: number;
}

/** So many messages a second, in chunks of a second's worth at the most; undefined: no limit. */
export const paceOf = (perSecond: number | undefined, { now }: Pick<Clock, "now">): Pace => {
  if (perSecond === undefined) return { waitMs: () => 0, spend: () => {}, most: Number.POSITIVE_INFINITY };
  let nextAt = Number.NEGATIVE_INFINITY;
  return {
    waitMs: () => Math.max(0, nextAt - now()),
    spend: (messages) => {
      nextAt = Math.max(nextAt, now()) + (messages * 1_000) / perSecond;
    },
    most: perSecond,
  };
};
