// Writes the item queues of one route, with as many deliveries per write and as many concurrent writes as the sink
// allows. A transient failure is followed by quick attempts. No write starts after the deadline.

import { backoffMs } from "../async/backoff.ts";
import { ConfigError, isTransient, SinkError } from "../errors.ts";
import { describeThrown } from "../sink/encoding-error.ts";
import { type Delivery, failed, type WriteResult } from "../sink/sink.ts";
import { rejected } from "../sink/sink-error.ts";
import type { BatchEntry, DeliveryResult, Results } from "./delivery-result.ts";
import { type ItemQueue, itemQueuesOf } from "./item-queue.ts";
import type { Route, SharedRoute } from "./route.ts";
import { type Budget, type DeliverySteps, type SinkMemory, type Thrown, type WatchedSteps, write } from "./write.ts";

/** Milliseconds for which the target asked not to be called, or 0. */
const retryAfterMs = (result: WriteResult | Thrown): number =>
  result.outcome === "failed" && "retryAfterMs" in result.error ? (result.error.retryAfterMs ?? 0) : 0;

/** Whether a failed delivery is worth another attempt within this invocation. */
const isWorthAnotherAttempt = (result: WriteResult | Thrown, queue: ItemQueue, { retry, deadline }: Budget): boolean =>
  result.outcome === "failed" &&
  isTransient(result.error.code) &&
  retryAfterMs(result) <= retry.maxDelayMs &&
  queue.attempts + 1 < retry.maxAttempts &&
  !deadline.signal.aborted;

/** The ways in which item queues leave a write. */
interface Exits {
  /** Takes item queues that may be written again. */
  readonly handBack: (queues: readonly ItemQueue[]) => void;
  /** Takes an item queue whose delivery made the sink throw. */
  readonly setAside: (queue: ItemQueue, bug: unknown) => void;
}

/** Writes the next delivery of each item queue in a group. */
const writeGroup = async (
  route: Route,
  group: readonly ItemQueue[],
  steps: WatchedSteps,
  { handBack, setAside }: Exits,
): Promise<void> => {
  const batch = group.map((queue) => queue.next() as Delivery);
  const results = await write(route, batch, steps);
  const again: ItemQueue[] = [];
  const concluded: ItemQueue[] = [];
  let waitMs = 0;
  for (const [index, queue] of group.entries()) {
    const result = results[index] as WriteResult | Thrown;
    if (result.outcome === "threw") setAside(queue, result.bug);
    else if (isWorthAnotherAttempt(result, queue, steps)) {
      queue.countAttempt();
      again.push(queue);
      waitMs = Math.max(waitMs, retryAfterMs(result));
    } else {
      queue.conclude(result);
      concluded.push(queue);
    }
  }
  handBack(concluded);
  if (again[0] === undefined) return;
  const { clock, retry, deadline } = steps;
  await clock.sleep(Math.max(backoffMs(retry, again[0].attempts, clock.random), waitMs), deadline.signal);
  handBack(again);
};

const overdue = (route: Route, settleMs: number): SinkError =>
  new SinkError("SINK_TIMEOUT", `[${route.name}] the sink had not settled ${settleMs} ms after its deadline`);

const afterDeadline = (route: Route, { deadline, clock }: Budget, over: AbortSignal): Promise<SinkError> =>
  new Promise((resolve) => {
    const wait = async (): Promise<void> => {
      await clock.sleep(deadline.settleMs, over);
      resolve(overdue(route, deadline.settleMs));
    };
    if (deadline.signal.aborted) void wait();
    else deadline.signal.addEventListener("abort", () => void wait(), { once: true, signal: over });
  });

/** Item queues that have something to write. */
interface ReadyQueues {
  /** Returns the item queues of the next write. The list is empty when no item queue has a delivery. */
  readonly take: () => readonly ItemQueue[];
  /** Returns the item queues that wait for the dead letter of a rejected change. */
  readonly takeRejected: () => readonly ItemQueue[];
  readonly handBack: (queues: readonly ItemQueue[]) => void;
  readonly isEmpty: () => boolean;
}

const readyQueues = (queues: readonly ItemQueue[], maxEntries: number): ReadyQueues => {
  const ready: ItemQueue[] = [...queues];
  let waiting: ItemQueue[] = [];
  let head = 0;
  return {
    take: () => {
      const group: ItemQueue[] = [];
      for (let queue = ready[head]; queue !== undefined && group.length < maxEntries; queue = ready[head]) {
        head += 1;
        if (queue.next() !== undefined) group.push(queue);
        else if (queue.rejection !== undefined) waiting.push(queue);
      }
      return group;
    },
    takeRejected: () => {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    handBack: (back) => {
      for (const queue of back) ready.push(queue);
    },
    isEmpty: () => head >= ready.length,
  };
};

/** Stores the dead letters for which the item queues wait. If time runs out, the queues keep their rejections. */
const storeRejections = async (
  queues: readonly ItemQueue[],
  { storeRejected, late }: WatchedSteps,
  handBack: (queues: readonly ItemQueue[]) => void,
): Promise<void> => {
  const positions = new Map<ItemQueue, number>();
  const rejections = new Map<number, DeliveryResult>();
  for (const queue of queues) {
    if (queue.rejection === undefined) continue;
    const { entry, result } = queue.rejection;
    positions.set(queue, entry.position);
    rejections.set(entry.position, result);
  }
  const stored = await Promise.race([storeRejected(rejections), late]);
  if (stored instanceof SinkError) return;
  for (const [queue, position] of positions) queue.resume(stored.has(position));
  handBack(queues);
};

/** An item queue whose delivery made the sink throw. */
interface SetAside {
  readonly queue: ItemQueue;
  readonly bug: unknown;
}

/**
 * Rejects the deliveries that made the sink throw, if the sink writes other deliveries. Otherwise the sink is broken.
 * @throws {unknown} the error of a broken sink.
 */
const rejectThrown = (route: Route, thrown: readonly SetAside[], { hasWritten }: SinkMemory): void => {
  if (!hasWritten && thrown[0] !== undefined) throw thrown[0].bug;
  for (const { queue, bug } of thrown) {
    // The sink's options do not fit this delivery, for example the key of an item of another table.
    const isWrongOption = bug instanceof ConfigError;
    const problem = isWrongOption ? bug.message : `the sink threw ${describeThrown(bug)}; expected a SinkError`;
    queue.conclude(failed(queue.next() as Delivery, rejected(route.name, problem, { cause: bug })));
  }
};

/** Writes deliveries until no item queue is left, or time is over. Item queues that made the sink throw are set aside. */
const writeReady = async (route: Route, ready: ReadyQueues, steps: WatchedSteps): Promise<readonly SetAside[]> => {
  const { concurrency = 1 } = route.sink.supports;
  const { signal } = steps.deadline;
  const thrown: SetAside[] = [];
  const exits: Exits = { handBack: ready.handBack, setAside: (queue, bug) => thrown.push({ queue, bug }) };
  const tasks = new Set<Promise<void>>();
  const bugs: unknown[] = [];
  let writes = 0;
  const start = (work: Promise<void>, ended = (): void => {}): void => {
    const task = work
      .catch((bug: unknown) => {
        bugs.push(bug);
      })
      .finally(() => {
        ended();
        tasks.delete(task);
      });
    tasks.add(task);
  };
  const startWrite = (group: readonly ItemQueue[]): void => {
    writes += 1;
    start(writeGroup(route, group, steps, exits), () => {
      writes -= 1;
    });
  };
  const mayStart = (): boolean => !signal.aborted && bugs.length === 0 && !ready.isEmpty();
  do {
    while (writes < concurrency && mayStart()) {
      const group = ready.take();
      if (group.length > 0) startWrite(group);
    }
    const waiting = ready.takeRejected();
    if (waiting.length > 0) start(storeRejections(waiting, steps, ready.handBack));
    if (tasks.size > 0) await Promise.race(tasks);
  } while (tasks.size > 0 || mayStart());
  if (bugs.length > 0) throw bugs[0];
  return thrown;
};

/**
 * Writes all deliveries of the item queues.
 * @throws an error from a broken sink if the error is not a `SinkError`, after all writes have ended.
 */
const writeAll = async (route: Route, queues: readonly ItemQueue[], steps: WatchedSteps): Promise<void> => {
  const ready = readyQueues(queues, route.sink.supports.maxEntries ?? Number.POSITIVE_INFINITY);
  for (let thrown = await writeReady(route, ready, steps); thrown.length > 0; ) {
    rejectThrown(route, thrown, steps.memory);
    ready.handBack(thrown.map(({ queue }) => queue));
    thrown = await writeReady(route, ready, steps);
  }
  for (const queue of queues) queue.abandon();
};

/**
 * Delivers a batch to one route.
 * @returns a result for each entry, by its `position`.
 */
export const deliver = async (
  route: SharedRoute,
  batch: readonly BatchEntry[],
  steps: DeliverySteps,
): Promise<Results> => {
  const results = new Map<number, DeliveryResult>();
  const queues = itemQueuesOf(route, batch, ({ position }, result) => {
    if (results.has(position)) throw new Error(`[${route.name}] a delivery has two results`);
    results.set(position, result);
  });
  const over = new AbortController();
  try {
    await writeAll(route, queues, { ...steps, late: afterDeadline(route, steps, over.signal) });
  } finally {
    over.abort("delivered");
  }
  return results;
};
