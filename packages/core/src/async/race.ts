// A promise and a signal, for work that may take longer than the invocation.

/**
 * Settles as `work` does, or rejects with `reason()` as soon as the signal aborts, even if that was before the call. The
 * work is not stopped, and its later rejection is ignored.
 */
export const untilAborted = <Value>(work: Promise<Value>, signal: AbortSignal, reason: () => Error): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(reason());
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
