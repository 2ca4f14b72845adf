// Ends a request that is not answered. The user's client may have no timeouts, and a broken connection never answers.

/** A request, or a part of its answer, that took too long or was aborted. */
class RequestEndedError extends Error {
  override name = "TimeoutError";
}

/**
 * Calls with a signal that aborts with `signal`, or after `ms`. Rejects in both cases, even if the call goes on.
 * @throws an error named `TimeoutError`, which counts as transient.
 */
export const withinTime = <Value>(
  signal: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> => {
  const controller = new AbortController();
  return new Promise<Value>((resolve, reject) => {
    const end = (reason: string): void => {
      controller.abort();
      settle(() => reject(new RequestEndedError(reason)));
    };
    const abort = (): void => end("the run was stopped");
    const timer = setTimeout(() => end(`no answer within ${ms} ms`), ms);
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      how();
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) return abort();
    call(controller.signal).then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
};
