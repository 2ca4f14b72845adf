// Waits for work, but only until a signal aborts, because the work may take longer than the invocation.

type Abort = () => void;

/** The callbacks to run when a signal aborts. One listener runs all callbacks, because many listeners are slow. */
const abortsOf = new WeakMap<AbortSignal, Set<Abort>>();

const listenOnce = (signal: AbortSignal): Set<Abort> => {
  const known = abortsOf.get(signal);
  if (known !== undefined) return known;
  const aborts = new Set<Abort>();
  abortsOf.set(signal, aborts);
  const abortAll = (): void => {
    for (const abort of aborts) abort();
  };
  signal.addEventListener("abort", abortAll, { once: true });
  return aborts;
};

/** Settles like `work`, or rejects with `reason()` if the signal aborts first. Ignores a later rejection of `work`. */
export const untilAborted = <Value>(work: Promise<Value>, signal: AbortSignal, reason: () => Error): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(reason());
    if (signal.aborted) abort();
    const aborts = listenOnce(signal);
    aborts.add(abort);
    work.then(
      (value) => {
        aborts.delete(abort);
        resolve(value);
      },
      (error) => {
        aborts.delete(abort);
        reject(error);
      },
    );
  });
