// The steps of a batch at which the function is killed. A step contains the origin of the batch, the called function,
// and `begun` or `done`, for example `stream postgres.write done`.

import { AsyncLocalStorage } from "node:async_hooks";

/** Steps of batches from the stream and from the retry queue. */
export const liveSteps: readonly string[] = [
  "stream postgres.write begun",
  "stream postgres.write done",
  "stream fifo.write done",
  "stream leases.acquire done",
  "stream acquired.write done",
  "stream leases.complete done",
  "stream deadLetterQueue.write begun",
  "stream deadLetterQueue.write done",
  "stream pendingItems.add begun",
  "stream retryQueue.write begun",
  "stream retryQueue.write done",
  "stream answer begun",
  "retry postgres.write done",
  "retry fifo.write done",
  "retry acquired.write done",
  "retry deadLetterQueue.write begun",
  "retry deadLetterQueue.write done",
  "retry pendingItems.release begun",
  "retry pendingItems.release done",
  "retry retryQueue.postpone begun",
  "retry retryQueue.postpone done",
  "retry answer begun",
];

/** Steps of batches from the dead-letter queue. */
export const redriveSteps: readonly string[] = [
  "redrive postgres.write begun",
  "redrive postgres.write done",
  "redrive fifo.write done",
  "redrive acquired.write done",
  "redrive answer begun",
];

/** The origin of the current batch: `stream`, `retry` or `redrive`. */
export const origins: AsyncLocalStorage<string> = new AsyncLocalStorage<string>();

type Calls = { readonly [name: string]: unknown };

/** Returns a copy of `parts` whose functions report their steps. The functions must not use `this`. */
export const reportingSteps = <Parts extends object>(
  part: string,
  parts: Parts,
  report: (step: string) => void,
): Parts => {
  const members = Object.entries(parts as Calls).map(([name, member]) => {
    if (typeof member !== "function") return [name, member];
    const call = async (...args: readonly unknown[]): Promise<unknown> => {
      const step = `${origins.getStore()} ${part}.${name}`;
      report(`${step} begun`);
      const answer: unknown = await member(...args);
      report(`${step} done`);
      return answer;
    };
    return [name, call];
  });
  return Object.fromEntries(members) as Parts;
};
