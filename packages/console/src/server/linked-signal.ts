// One signal for a piece of work that several others may end.

/**
 * Does work with a signal that aborts when one of the others does. `AbortSignal.any` would stay linked after the work,
 * to a signal that lives as long as the server.
 */
export const withSignals = async <Value>(
  signals: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<Value> | Value,
): Promise<Value> => {
  const link = new AbortController();
  const abort = (): void => link.abort(signals.find(({ aborted }) => aborted)?.reason);
  if (signals.some(({ aborted }) => aborted)) abort();
  for (const signal of signals) signal.addEventListener("abort", abort);
  try {
    return await work(link.signal);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", abort);
  }
};
