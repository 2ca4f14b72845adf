// The steps of a batch at which the function is killed. A step is named by where the batch came from, what is called, and
// whether it has begun or is done: `stream postgres.write done`.

import { AsyncLocalStorage } from "node:async_hooks";

/** From the stream and the retry queue. */
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

/** From the dead letters. */
export const redriveSteps: readonly string[] = [
  "redrive postgres.write begun",
  "redrive postgres.write done",
  "redrive fifo.write done",
  "redrive acquired.write done",
  "redrive answer begun",
];

/** Where the batch at work came from. */
export const origins: AsyncLocalStorage<string> = new AsyncLocalStorage<string>();

type Calls = { readonly [name: string]: unknown };

/** The same object, whose functions tell of their steps. They do not use `this`. */
export const stepping = <Parts extends object>(part: string, parts: Parts, tell: (step: string) => void): Parts => {
  const told = Object.entries(parts as Calls).map(([name, member]) => {
    if (typeof member !== "function") return [name, member];
    const call = async (...args: readonly unknown[]): Promise<unknown> => {
      const step = `${origins.getStore()} ${part}.${name}`;
      tell(`${step} begun`);
      const answer: unknown = await member(...args);
      tell(`${step} done`);
      return answer;
    };
    return [name, call];
  });
  return Object.fromEntries(told) as Parts;
};
