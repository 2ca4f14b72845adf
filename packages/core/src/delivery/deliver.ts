// Drives the lanes of one route: as many deliveries per write, and writes at once, as the sink says; a few quick
// tries for what a moment may heal; nothing started after the deadline.

import { backoffMs, type RetryPolicy } from "../async/backoff.ts";
import type { Clock, Deadline } from "../async/deadline.ts";
import { type DeliveryErrorCode, isTransient, SinkError } from "../errors.ts";
import { type Delivery, failed, type Settlement } from "../sink/sink.ts";
import { type Entry, type Lane, lanesOf, type Verdict } from "./item-queue.ts";
import type { Route } from "./route.ts";

/** What an invocation gives every route. */
export interface Invocation {
  readonly deadline: Deadline;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
}

const sinkCodes: ReadonlySet<string> = new Set([
  "SINK_THROTTLED",
  "SINK_UNAVAILABLE",
  "SINK_TIMEOUT",
  "SINK_CONFLICT",
  "SINK_DENIED",
  "SINK_MISSING",
  "SINK_UNREPORTED",
  "SINK_REJECTED",
  "SINK_GONE",
  "SINK_TOO_LARGE",
] satisfies DeliveryErrorCode[]);

/** By code and not by class: a sink may carry its own copy of core. */
const isSinkError = (error: unknown): error is SinkError =>
  error instanceof Error && "code" in error && sinkCodes.has(String(error.code));

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

/** A settlement for each delivery, in the order of the batch. Most sinks answer in that order already. */
const matched = (route: Route, batch: readonly Delivery[], answer: readonly Settlement[]): readonly Settlement[] => {
  if (answer.length === batch.length && answer.every(({ delivery }, index) => delivery === batch[index])) return answer;
  const byDelivery = new Map<Delivery, Settlement>();
  for (const settlement of answer) byDelivery.set(settlement.delivery, settlement);
  return batch.map((delivery) => byDelivery.get(delivery) ?? unreported(route, delivery));
};

/** One write, answered for every delivery: whatever the sink did not name has failed. */
const writeOnce = async (route: Route, batch: readonly Delivery[], run: Run): Promise<readonly Settlement[]> => {
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

const unreported = (route: Route, delivery: Delivery): Settlement =>
  failed(delivery, new SinkError("SINK_UNREPORTED", `[${route.name}] the sink did not say what became of a delivery`));

/** Milliseconds for which the target asked to be left alone: 0 where it did not ask. */
const askedMs = (settlement: Settlement): number =>
  settlement.outcome === "failed" && "retryAfterMs" in settlement.error ? (settlement.error.retryAfterMs ?? 0) : 0;

/** Whether a failed delivery is worth another try within this invocation. */
const isWorthAnotherTry = (settlement: Settlement, lane: Lane, { retry, deadline }: Invocation): boolean =>
  settlement.outcome === "failed" &&
  isTransient(settlement.error.code) &&
  askedMs(settlement) <= retry.maxDelayMs &&
  lane.tries + 1 < retry.tries &&
  !deadline.signal.aborted;

/** Writes one group of lanes' deliveries; hands each lane back when it may go on. */
const writeGroup = async (
  route: Route,
  group: readonly Lane[],
  run: Run,
  handBack: (lanes: readonly Lane[]) => void,
): Promise<void> => {
  const settlements = await writeOnce(
    route,
    group.map((lane) => lane.next() as Delivery),
    run,
  );
  const again = group.filter((lane, index) => isWorthAnotherTry(settlements[index] as Settlement, lane, run));
  const waiting = new Set(again);
  for (const [index, lane] of group.entries()) {
    if (waiting.has(lane)) lane.countTry();
    else lane.settle(settlements[index] as Settlement);
  }
  handBack(group.filter((lane) => !waiting.has(lane)));
  if (again[0] === undefined) return;
  const { clock, retry, deadline } = run;
  const asked = group.map((lane, index) => (waiting.has(lane) ? askedMs(settlements[index] as Settlement) : 0));
  const waitMs = Math.max(backoffMs(retry, again[0].tries, clock.random), ...asked);
  await clock.sleep(waitMs, deadline.signal);
  handBack(again);
};

/** Hands out groups of lanes that have something to write, and takes lanes back. */
interface Queue {
  /** The lanes of the next write; empty when none is ready. */
  readonly take: () => readonly Lane[];
  readonly handBack: (lanes: readonly Lane[]) => void;
  readonly isEmpty: () => boolean;
}

const queueOf = (lanes: readonly Lane[], maxEntries: number): Queue => {
  const ready: Lane[] = [...lanes];
  let head = 0;
  return {
    take: () => {
      const group: Lane[] = [];
      for (let lane = ready[head]; lane !== undefined && group.length < maxEntries; lane = ready[head]) {
        head += 1;
        if (lane.next() !== undefined) group.push(lane);
      }
      return group;
    },
    handBack: (back) => {
      for (const lane of back) ready.push(lane);
    },
    isEmpty: () => head >= ready.length,
  };
};

/** Runs the lanes to their ends. @throws what a sink threw that is no error of a sink, when all writes have settled. */
const drive = async (route: Route, lanes: readonly Lane[], run: Run): Promise<void> => {
  const { maxEntries = Number.POSITIVE_INFINITY, concurrency = 1 } = route.sink.supports;
  const { signal } = run.deadline;
  const queue = queueOf(lanes, maxEntries);
  const inFlight = new Set<Promise<void>>();
  const bugs: unknown[] = [];
  const start = (group: readonly Lane[]): void => {
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
  for (const lane of lanes) lane.abandon();
};

/**
 * Delivers a batch to one route.
 * @returns a verdict for each entry's `position`.
 */
export const deliver = async (
  route: Route,
  batch: readonly Entry[],
  invocation: Invocation,
): Promise<Map<number, Verdict>> => {
  const verdicts = new Map<number, Verdict>();
  const lanes = lanesOf(route, batch, ({ position }, verdict) => {
    if (verdicts.has(position)) throw new Error(`[${route.name}] a delivery was judged twice`);
    verdicts.set(position, verdict);
  });
  const over = new AbortController();
  try {
    await drive(route, lanes, { ...invocation, late: afterDeadline(route, invocation, over.signal) });
  } finally {
    over.abort("delivered");
  }
  return verdicts;
};
