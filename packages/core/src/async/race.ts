// A promise against a signal: for work that may outlast the invocation.

/**
 * Settles as `work` does, but rejects with `reason()` as soon as the signal aborts, also where it had aborted already. The
 * work is not stopped; its later rejection is ignored.
 */
export const untilAborted = <Value>(work: Promise<Value>, signal: AbortSignal, reason: () => Error): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(reason());
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
