// Writes the item queues of one route, with as many deliveries per write and as many concurrent writes as the sink
// allows. A transient failure is followed by quick attempts. No write starts after the deadline.

import { backoffMs, type RetryPolicy } from "../async/backoff.ts";
import type { Clock, Deadline } from "../async/deadline.ts";
import { isSinkError, isTransient, SinkError } from "../errors.ts";
import { type Delivery, failed, type WriteResult } from "../sink/sink.ts";
import type { BatchEntry, DeliveryResult, Results } from "./delivery-result.ts";
import { type ItemQueue, itemQueuesOf } from "./item-queue.ts";
import type { Route } from "./route.ts";

/** Time and attempts that the delivery of a batch may take. */
export interface Budget {
  readonly deadline: Deadline;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
}

const overdue = (route: Route, settleMs: number): SinkError =>
  new SinkError("SINK_TIMEOUT", `[${route.name}] the sink had not settled ${settleMs} ms after its deadline`);

/** A budget, with a promise that resolves when its time is over. */
interface WatchedBudget extends Budget {
  /**
   * Resolves shortly after the deadline, to the error for a write that the sink has not answered. All writes share this
   * promise, because a signal and a listener for each write would cost as much time as sending a message.
   */
  readonly late: Promise<SinkError>;
}

const afterDeadline = (route: Route, { deadline, clock }: Budget, over: AbortSignal): Promise<SinkError> =>
  new Promise((resolve) => {
    const wait = async (): Promise<void> => {
      await clock.sleep(deadline.settleMs, over);
      resolve(overdue(route, deadline.settleMs));
    };
    if (deadline.signal.aborted) void wait();
    else deadline.signal.addEventListener("abort", () => void wait(), { once: true, signal: over });
  });

const unreported = (route: Route, delivery: Delivery): WriteResult =>
  failed(delivery, new SinkError("SINK_UNREPORTED", `[${route.name}] the sink reported no result of a delivery`));

/** Sorts the results of a sink into the order of the batch. Most sinks already return them in this order. */
const matched = (route: Route, batch: readonly Delivery[], answer: readonly WriteResult[]): readonly WriteResult[] => {
  if (answer.length === batch.length && answer.every(({ delivery }, index) => delivery === batch[index])) return answer;
  const byDelivery = new Map<Delivery, WriteResult>();
  for (const result of answer) byDelivery.set(result.delivery, result);
  return batch.map((delivery) => byDelivery.get(delivery) ?? unreported(route, delivery));
};

/** Makes one write. Returns a result for every delivery; a delivery that the sink does not report has failed. */
const writeOnce = async (
  route: Route,
  batch: readonly Delivery[],
  run: WatchedBudget,
): Promise<readonly WriteResult[]> => {
  const { signal, remainingMs } = run.deadline;
  try {
    const answer = await Promise.race([route.sink.write(batch as never, { signal, remainingMs }), run.late]);
    if (answer instanceof SinkError) return batch.map((delivery) => failed(delivery, answer));
    return matched(route, batch, answer);
  } catch (error) {
    if (!isSinkError(error)) throw error;
    return batch.map((delivery) => failed(delivery, error));
  }
};

/** Milliseconds for which the target asked not to be called, or 0. */
const retryAfterMs = (result: WriteResult): number =>
  result.outcome === "failed" && "retryAfterMs" in result.error ? (result.error.retryAfterMs ?? 0) : 0;

/** Whether a failed delivery is worth another attempt within this invocation. */
const isWorthAnotherAttempt = (result: WriteResult, queue: ItemQueue, { retry, deadline }: Budget): boolean =>
  result.outcome === "failed" &&
  isTransient(result.error.code) &&
  retryAfterMs(result) <= retry.maxDelayMs &&
  queue.attempts + 1 < retry.maxAttempts &&
  !deadline.signal.aborted;

/** Writes the next delivery of each item queue in a group. Hands back a queue when the queue may be written again. */
const writeGroup = async (
  route: Route,
  group: readonly ItemQueue[],
  run: WatchedBudget,
  handBack: (queues: readonly ItemQueue[]) => void,
): Promise<void> => {
  const batch = group.map((queue) => queue.next() as Delivery);
  const results = await writeOnce(route, batch, run);
  const again = group.filter((queue, index) => isWorthAnotherAttempt(results[index] as WriteResult, queue, run));
  const waiting = new Set(again);
  for (const [index, queue] of group.entries()) {
    if (waiting.has(queue)) queue.countAttempt();
    else queue.conclude(results[index] as WriteResult);
  }
  handBack(group.filter((queue) => !waiting.has(queue)));
  if (again[0] === undefined) return;
  const { clock, retry, deadline } = run;
  const asked = group.map((queue, index) => (waiting.has(queue) ? retryAfterMs(results[index] as WriteResult) : 0));
  const waitMs = Math.max(backoffMs(retry, again[0].attempts, clock.random), ...asked);
  await clock.sleep(waitMs, deadline.signal);
  handBack(again);
};

/** Item queues that have something to write. */
interface ReadyQueues {
  /** Returns the item queues of the next write. The list is empty when no item queue has a delivery. */
  readonly take: () => readonly ItemQueue[];
  readonly handBack: (queues: readonly ItemQueue[]) => void;
  readonly isEmpty: () => boolean;
}

const readyQueues = (queues: readonly ItemQueue[], maxEntries: number): ReadyQueues => {
  const ready: ItemQueue[] = [...queues];
  let head = 0;
  return {
    take: () => {
      const group: ItemQueue[] = [];
      for (let queue = ready[head]; queue !== undefined && group.length < maxEntries; queue = ready[head]) {
        head += 1;
        if (queue.next() !== undefined) group.push(queue);
      }
      return group;
    },
    handBack: (back) => {
      for (const queue of back) ready.push(queue);
    },
    isEmpty: () => head >= ready.length,
  };
};

/**
 * Writes all deliveries of the item queues.
 * @throws an error from a sink if the error is not a `SinkError`, after all writes have ended.
 */
const writeAll = async (route: Route, queues: readonly ItemQueue[], run: WatchedBudget): Promise<void> => {
  const { maxEntries = Number.POSITIVE_INFINITY, concurrency = 1 } = route.sink.supports;
  const { signal } = run.deadline;
  const ready = readyQueues(queues, maxEntries);
  const inFlight = new Set<Promise<void>>();
  const bugs: unknown[] = [];
  const start = (group: readonly ItemQueue[]): void => {
    const running = writeGroup(route, group, run, ready.handBack)
      .catch((bug) => {
        bugs.push(bug);
      })
      .finally(() => inFlight.delete(running));
    inFlight.add(running);
  };
  const mayStart = (): boolean => !signal.aborted && bugs.length === 0 && !ready.isEmpty();
  do {
    while (inFlight.size < concurrency && mayStart()) {
      const group = ready.take();
      if (group.length > 0) start(group);
    }
    if (inFlight.size > 0) await Promise.race(inFlight);
  } while (inFlight.size > 0 || mayStart());
  if (bugs.length > 0) throw bugs[0];
  for (const queue of queues) queue.abandon();
};

/**
 * Delivers a batch to one route.
 * @returns a result for each entry, by its `position`.
 */
export const deliver = async (route: Route, batch: readonly BatchEntry[], budget: Budget): Promise<Results> => {
  const results = new Map<number, DeliveryResult>();
  const queues = itemQueuesOf(route, batch, ({ position }, result) => {
    if (results.has(position)) throw new Error(`[${route.name}] a delivery has two results`);
    results.set(position, result);
  });
  const over = new AbortController();
  try {
    await writeAll(route, queues, { ...budget, late: afterDeadline(route, budget, over.signal) });
  } finally {
    over.abort("delivered");
  }
  return results;
};
