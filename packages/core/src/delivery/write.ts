// Makes one write of a route's sink, and finds the result of each delivery, whatever the sink does.

import type { RetryPolicy } from "../async/backoff.ts";
import type { Clock, Deadline } from "../async/deadline.ts";
import { ConfigError, isSinkError, SinkError } from "../errors.ts";
import { type Delivery, failed, type WriteResult } from "../sink/sink.ts";
import { notStarted } from "../sink/sink-error.ts";
import type { Results } from "./delivery-result.ts";
import type { Route } from "./route.ts";

/** Time and attempts that the delivery of a batch may take. */
export interface Budget {
  readonly deadline: Deadline;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
}

/** What the delivery of a batch needs besides the batch. */
export interface DeliverySteps extends Budget {
  /** Stores the dead letters of rejected deliveries, and returns the positions of the stored ones. */
  readonly storeRejected: (rejected: Results) => Promise<ReadonlySet<number>>;
  /** What the route remembers of its sink, for as long as the environment lives. */
  readonly memory: SinkMemory;
}

/** What a route remembers of its sink. */
export interface SinkMemory {
  /** Whether the sink has written or superseded a delivery before. Then a sink that throws is not broken as a whole. */
  hasWritten: boolean;
}

/** The steps, with a promise that resolves when the time of the budget is over. */
export interface WatchedSteps extends DeliverySteps {
  /**
   * Resolves shortly after the deadline, to the error for a write that the sink has not answered. All writes share this
   * promise, because a signal and a listener for each write would cost as much time as sending a message.
   */
  readonly late: Promise<SinkError>;
}

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
  { deadline, late, memory }: WatchedSteps,
): Promise<readonly WriteResult[]> => {
  const { signal, remainingMs } = deadline;
  try {
    const answer = await Promise.race([route.sink.write(batch as never, { signal, remainingMs }), late]);
    if (answer instanceof SinkError) return batch.map((delivery) => failed(delivery, answer));
    const results = matched(route, batch, answer);
    memory.hasWritten ||= results.some(({ outcome }) => outcome !== "failed");
    return results;
  } catch (error) {
    if (!isSinkError(error)) throw error;
    return batch.map((delivery) => failed(delivery, error));
  }
};

/** A delivery with which the sink threw an error that is not a `SinkError`, although it was written by itself. */
export interface Thrown {
  readonly delivery: Delivery;
  readonly outcome: "threw";
  readonly bug: unknown;
}

/** Writes deliveries one by one, after the sink threw, to find the deliveries that are at fault. */
const writeOneByOne = async (
  route: Route,
  batch: readonly Delivery[],
  steps: WatchedSteps,
): Promise<readonly (WriteResult | Thrown)[]> => {
  const results: (WriteResult | Thrown)[] = [];
  for (const delivery of batch) {
    if (steps.deadline.signal.aborted) {
      results.push(failed(delivery, notStarted(route.name)));
      continue;
    }
    try {
      results.push(...(await writeOnce(route, [delivery], steps)));
    } catch (bug) {
      results.push({ delivery, outcome: "threw", bug });
    }
  }
  return results;
};

/** Makes one write. If the sink throws an error that is not a `SinkError`, each delivery is written by itself. */
export const write = async (
  route: Route,
  batch: readonly Delivery[],
  steps: WatchedSteps,
): Promise<readonly (WriteResult | Thrown)[]> => {
  try {
    return await writeOnce(route, batch, steps);
  } catch (error) {
    // A wrong option concerns every delivery, unless the sink has written others.
    if (error instanceof ConfigError && !steps.memory.hasWritten) throw error;
    return writeOneByOne(route, batch, steps);
  }
};
