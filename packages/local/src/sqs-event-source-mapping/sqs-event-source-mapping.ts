// The event source mapping of a queue as one object: start, stop, and wait until it is drained.

import { invalidOption } from "@sluice/core/sink-kit";
import { failRun, type MappingRun, mappingRuns } from "../lambda/mapping-run.ts";
import { type SqsEventSourceMappingOptions, type SqsMappingSettings, sqsMappingSettings } from "./options.ts";
import { runPoller, type SqsCounters } from "./poller.ts";
import { openQueue, type Queue } from "./queue.ts";

/** A running or stopped mapping of a queue. */
export interface SqsEventSourceMapping {
  /**
   * Starts polling.
   * @throws if the queue does not answer. CONFIG_INVALID if its visibility timeout is below `functionTimeoutMs`.
   */
  readonly start: () => Promise<void>;
  /** Ends polling; resolves when the last invocation has ended. */
  readonly stop: () => Promise<void>;
  /**
   * Resolves when the queue is empty: no message is visible, delayed or in flight. Keeps waiting while a message is
   * retried. Rejects when the mapping stops first or the queue is gone.
   */
  readonly drained: () => Promise<void>;
  readonly counters: Readonly<SqsCounters>;
}

/** One run, with the queue that it polls. */
interface SqsMappingRun extends MappingRun {
  readonly queue: Queue;
}

/** Like Lambda, forbids a longer function timeout: SQS would redeliver messages that the function still processes. */
const checkTimeout = ({ functionTimeoutMs }: SqsMappingSettings, { visibilityTimeoutMs }: Queue): void => {
  if (functionTimeoutMs <= visibilityTimeoutMs) return;
  throw invalidOption("functionTimeoutMs", `must be at most the queue's visibility timeout, ${visibilityTimeoutMs} ms`);
};

const untilDrained = async ({ clock, pollIntervalMs }: SqsMappingSettings, currentRun: () => SqsMappingRun) => {
  while ((await currentRun().queue.size()) > 0) await clock.sleep(pollIntervalMs, currentRun().controller.signal);
};

const startRun = async (settings: SqsMappingSettings, counters: SqsCounters): Promise<SqsMappingRun> => {
  const queue = await openQueue(settings.client, settings.queueUrl);
  checkTimeout(settings, queue);
  const run: SqsMappingRun = { controller: new AbortController(), queue, finished: Promise.resolve() };
  const polling = runPoller({ settings, counters, queue, signal: run.controller.signal });
  run.finished = polling.catch((error) => failRun(run, error, settings.onProblem));
  return run;
};

/**
 * Creates an event source mapping that polls an SQS queue and invokes a function, as AWS Lambda does.
 * @throws {ConfigError} CONFIG_INVALID when an option is outside AWS's range.
 * @example
 * const mapping = sqsEventSourceMapping({ client: new SQS(engine.clientConfig), queueUrl, handler });
 * await mapping.start();
 * await mapping.drained();
 * await mapping.stop();
 */
export const sqsEventSourceMapping = (options: SqsEventSourceMappingOptions): SqsEventSourceMapping => {
  const settings = sqsMappingSettings(options);
  const counters: SqsCounters = {
    polledEventCount: 0,
    invokedEventCount: 0,
    failedInvokeEventCount: 0,
    deletedEventCount: 0,
    invocations: 0,
  };
  const { start, stop, current } = mappingRuns(() => startRun(settings, counters));
  return { start, stop, drained: () => untilDrained(settings, current), counters };
};
