// Not more than so many messages in a second.

/** Resolves when so many messages may be sent, or when the signal aborts. */
export type Pace = (messages: number, signal: AbortSignal) => Promise<void>;

/** Time, as a parameter. */
export interface PaceClock {
  /** Milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A pace of so many messages per second; undefined: as fast as can be. */
export const paceOf = (perSecond: number | undefined, { now, sleep }: PaceClock): Pace => {
  let freeAt = Number.NEGATIVE_INFINITY;
  return async (messages, signal) => {
    if (perSecond === undefined) return;
    const waitMs = freeAt - now();
    if (waitMs > 0) await sleep(waitMs, signal);
    freeAt = Math.max(freeAt, now()) + (messages * 1_000) / perSecond;
  };
};
