// Drives the itemQueues of one route: as many deliveries per write, and writes at once, as the sink says; a few quick
// attempts for what a moment may heal; nothing started after the deadline.

import { backoffMs, type RetryPolicy } from "../async/backoff.ts";
import type { Clock, Deadline } from "../async/deadline.ts";
import { isSinkError, isTransient, SinkError } from "../errors.ts";
import { type Delivery, failed, type WriteResult } from "../sink/sink.ts";
import { type DeliveryResult, type Entry, type ItemQueue, itemQueuesOf } from "./item-queue.ts";
import type { Route } from "./route.ts";

/** What an invocation gives every route. */
export interface Invocation {
  readonly deadline: Deadline;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
}

const overdue = (route: Route, settleMs: number): SinkError =>
  new SinkError("SINK_TIMEOUT", `[${route.name}] the sink had not settled ${settleMs} ms after its deadline`);

/** An invocation whose end one route has in view. */
interface Run extends Invocation {
  /**
   * Resolves, a moment after the deadline, to the error for a sink that does not answer. One for all writes: a signal
   * and a listener for each would cost as much as sending a message.
   */
  readonly late: Promise<SinkError>;
}

const afterDeadline = (route: Route, { deadline, clock }: Invocation, over: AbortSignal): Promise<SinkError> =>
  new Promise((resolve) => {
    const wait = async (): Promise<void> => {
      await clock.sleep(deadline.settleMs, over);
      resolve(overdue(route, deadline.settleMs));
    };
    if (deadline.signal.aborted) void wait();
    else deadline.signal.addEventListener("abort", () => void wait(), { once: true, signal: over });
  });

/** A result for each delivery, in the order of the batch. Most sinks answer in that order already. */
const matched = (route: Route, batch: readonly Delivery[], answer: readonly WriteResult[]): readonly WriteResult[] => {
  if (answer.length === batch.length && answer.every(({ delivery }, index) => delivery === batch[index])) return answer;
  const byDelivery = new Map<Delivery, WriteResult>();
  for (const result of answer) byDelivery.set(result.delivery, result);
  return batch.map((delivery) => byDelivery.get(delivery) ?? unreported(route, delivery));
};

/** One write, answered for every delivery: whatever the sink did not name has failed. */
const writeOnce = async (route: Route, batch: readonly Delivery[], run: Run): Promise<readonly WriteResult[]> => {
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

const unreported = (route: Route, delivery: Delivery): WriteResult =>
  failed(delivery, new SinkError("SINK_UNREPORTED", `[${route.name}] the sink did not say what became of a delivery`));

/** Milliseconds for which the target asked to be left alone: 0 where it did not ask. */
const askedMs = (result: WriteResult): number =>
  result.outcome === "failed" && "retryAfterMs" in result.error ? (result.error.retryAfterMs ?? 0) : 0;

/** Whether a failed delivery is worth another try within this invocation. */
const isWorthAnotherTry = (result: WriteResult, itemQueue: ItemQueue, { retry, deadline }: Invocation): boolean =>
  result.outcome === "failed" &&
  isTransient(result.error.code) &&
  askedMs(result) <= retry.maxDelayMs &&
  itemQueue.attempts + 1 < retry.maxAttempts &&
  !deadline.signal.aborted;

/** Writes one group of itemQueues' deliveries; hands each itemQueue back when it may go on. */
const writeGroup = async (
  route: Route,
  group: readonly ItemQueue[],
  run: Run,
  handBack: (itemQueues: readonly ItemQueue[]) => void,
): Promise<void> => {
  const results = await writeOnce(
    route,
    group.map((itemQueue) => itemQueue.next() as Delivery),
    run,
  );
  const again = group.filter((itemQueue, index) => isWorthAnotherTry(results[index] as WriteResult, itemQueue, run));
  const waiting = new Set(again);
  for (const [index, itemQueue] of group.entries()) {
    if (waiting.has(itemQueue)) itemQueue.countAttempt();
    else itemQueue.settle(results[index] as WriteResult);
  }
  handBack(group.filter((itemQueue) => !waiting.has(itemQueue)));
  if (again[0] === undefined) return;
  const { clock, retry, deadline } = run;
  const asked = group.map((itemQueue, index) => (waiting.has(itemQueue) ? askedMs(results[index] as WriteResult) : 0));
  const waitMs = Math.max(backoffMs(retry, again[0].attempts, clock.random), ...asked);
  await clock.sleep(waitMs, deadline.signal);
  handBack(again);
};

/** Hands out groups of itemQueues that have something to write, and takes itemQueues back. */
interface Queue {
  /** The itemQueues of the next write; empty when none is ready. */
  readonly take: () => readonly ItemQueue[];
  readonly handBack: (itemQueues: readonly ItemQueue[]) => void;
  readonly isEmpty: () => boolean;
}

const queueOf = (itemQueues: readonly ItemQueue[], maxEntries: number): Queue => {
  const ready: ItemQueue[] = [...itemQueues];
  let head = 0;
  return {
    take: () => {
      const group: ItemQueue[] = [];
      for (let itemQueue = ready[head]; itemQueue !== undefined && group.length < maxEntries; itemQueue = ready[head]) {
        head += 1;
        if (itemQueue.next() !== undefined) group.push(itemQueue);
      }
      return group;
    },
    handBack: (back) => {
      for (const itemQueue of back) ready.push(itemQueue);
    },
    isEmpty: () => head >= ready.length,
  };
};

/** Runs the itemQueues to their ends. @throws what a sink threw that is no error of a sink, when all writes have settled. */
const drive = async (route: Route, itemQueues: readonly ItemQueue[], run: Run): Promise<void> => {
  const { maxEntries = Number.POSITIVE_INFINITY, concurrency = 1 } = route.sink.supports;
  const { signal } = run.deadline;
  const queue = queueOf(itemQueues, maxEntries);
  const inFlight = new Set<Promise<void>>();
  const bugs: unknown[] = [];
  const start = (group: readonly ItemQueue[]): void => {
    const running = writeGroup(route, group, run, queue.handBack)
      .catch((bug) => {
        bugs.push(bug);
      })
      .finally(() => inFlight.delete(running));
    inFlight.add(running);
  };
  const mayStart = (): boolean => !signal.aborted && bugs.length === 0 && !queue.isEmpty();
  do {
    while (inFlight.size < concurrency && mayStart()) {
      const group = queue.take();
      if (group.length > 0) start(group);
    }
    if (inFlight.size > 0) await Promise.race(inFlight);
  } while (inFlight.size > 0 || mayStart());
  if (bugs.length > 0) throw bugs[0];
  for (const itemQueue of itemQueues) itemQueue.abandon();
};

/**
 * Delivers a batch to one route.
 * @returns a result for each entry's `position`.
 */
export const deliver = async (
  route: Route,
  batch: readonly Entry[],
  invocation: Invocation,
): Promise<Map<number, DeliveryResult>> => {
  const results = new Map<number, DeliveryResult>();
  const itemQueues = itemQueuesOf(route, batch, ({ position }, result) => {
    if (results.has(position)) throw new Error(`[${route.name}] a delivery was judged twice`);
    results.set(position, result);
  });
  const over = new AbortController();
  try {
    await drive(route, itemQueues, { ...invocation, late: afterDeadline(route, invocation, over.signal) });
  } finally {
    over.abort("delivered");
  }
  return results;
};
