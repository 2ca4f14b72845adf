// How long the page waits before it connects again. No DOM.

/** Delay before the next attempt, in milliseconds: doubles from 0.5 to 8 seconds; the second half is random. */
export const reconnectDelayMs = (failures: number, random: () => number = Math.random): number => {
  const delay = Math.min(8000, 500 * 2 ** Math.max(0, failures - 1));
  return Math.round(delay / 2 + (delay / 2) * random());
};
