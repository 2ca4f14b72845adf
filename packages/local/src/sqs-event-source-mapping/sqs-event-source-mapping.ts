// The event source mapping of a queue as one object: start, stop, and when everything is done.

import { invalidOption } from "../option.ts";
import { type SqsEventSourceMappingOptions, type SqsSettings, sqsSettingsOf } from "./options.ts";
import { runPoller, type SqsCounters } from "./poller.ts";
import { openQueue, type Queue } from "./queue.ts";

/** A running or stopped mapping of a queue. */
export interface SqsEventSourceMapping {
  /**
   * Starts to poll.
   * @throws when the queue does not answer, or CONFIG_INVALID when its visibility timeout is shorter than the function's.
   */
  readonly start: () => Promise<void>;
  /** Ends polling; resolves when no invocation is in flight any more. */
  readonly stop: () => Promise<void>;
  /**
   * Resolves when the queue is empty: nothing visible, delayed, or in flight. It waits as long as a message is repeated,
   * and rejects when the mapping stops first or the queue is gone.
   */
  readonly drained: () => Promise<void>;
  readonly counters: Readonly<SqsCounters>;
}

/** What lives from start to stop. */
interface Run {
  readonly controller: AbortController;
  readonly queue: Queue;
  /** Resolves when polling has ended. Never rejects. */
  readonly finished: Promise<void>;
  /** What ended the run before it was stopped. */
  failure: { readonly error: unknown } | undefined;
}

/** As Lambda refuses it: messages would come again while they are still at work. */
const assertPatient = ({ functionTimeoutMs }: SqsSettings, { visibilityTimeoutMs }: Queue): void => {
  if (functionTimeoutMs <= visibilityTimeoutMs) return;
  const expected = `at most the queue's visibility timeout, ${visibilityTimeoutMs}`;
  throw invalidOption("functionTimeoutMs", functionTimeoutMs, expected);
};

const untilDrained = async ({ clock, pollIntervalMs }: SqsSettings, currentRun: () => Run | undefined) => {
  for (;;) {
    const run = currentRun();
    if (run?.failure) throw run.failure.error;
    if (!run || run.controller.signal.aborted) throw new Error("The mapping was stopped before it was drained.");
    if ((await run.queue.size()) === 0) return;
    await clock.sleep(pollIntervalMs, run.controller.signal);
  }
};

/**
 * Makes an event source mapping that polls an SQS queue and invokes a function, as AWS Lambda's does.
 * @throws {ConfigError} CONFIG_INVALID when an option is out of AWS's range.
 * @example
 * const mapping = sqsEventSourceMapping({ client: new SQS(engine.clientConfig), queueUrl, handler });
 * await mapping.start();
 * await mapping.drained();
 * await mapping.stop();
 */
export const sqsEventSourceMapping = (options: SqsEventSourceMappingOptions): SqsEventSourceMapping => {
  const settings = sqsSettingsOf(options);
  const counters: SqsCounters = {
    polledEventCount: 0,
    invokedEventCount: 0,
    failedInvokeEventCount: 0,
    deletedEventCount: 0,
    invocations: 0,
  };
  let starting: Promise<Run> | undefined;
  let current: Run | undefined;

  const startRun = async (): Promise<Run> => {
    const queue = await openQueue(settings.client, settings.queueUrl);
    assertPatient(settings, queue);
    const controller = new AbortController();
    const fail = (error: unknown): void => {
      run.failure = { error };
      controller.abort();
      settings.onProblem(error);
    };
    const polling = runPoller({ settings, counters, queue, signal: controller.signal });
    const run: Run = { controller, queue, finished: polling.catch(fail), failure: undefined };
    return run;
  };
  const start = async (): Promise<void> => {
    starting ??= startRun();
    try {
      current = await starting;
    } catch (error) {
      starting = undefined;
      throw error;
    }
  };
  const stop = async (): Promise<void> => {
    const run = await starting?.catch(() => undefined);
    run?.controller.abort();
    await run?.finished;
    current = undefined;
    starting = undefined;
  };
  return { start, stop, drained: () => untilDrained(settings, () => current), counters };
};
