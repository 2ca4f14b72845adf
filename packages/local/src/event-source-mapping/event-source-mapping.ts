// The event source mapping as one object: start, stop, and when everything is done.

import { randomUUID } from "node:crypto";
import { latch } from "./condition.ts";
import { type Counters, zeroCounters } from "./counters.ts";
import { createLineage } from "./lineage.ts";
import { type EventSourceMappingOptions, settingsOf } from "./options.ts";
import { type MappingState, type Run, startRun } from "./run.ts";

/** A running or stopped mapping. */
export interface EventSourceMapping {
  /**
   * Starts to poll; resolves when the starting position is fixed. After `stop` it goes on where it was.
   * @throws when the stream cannot be described.
   */
  readonly start: () => Promise<void>;
  /** Ends polling and repeats; resolves when no invocation is in flight any more. */
  readonly stop: () => Promise<void>;
  /**
   * Resolves when all that was written to the stream before is done with: delivered, filtered out or discarded. It
   * waits as long as a record is repeated, and rejects when the mapping stops first or the stream is gone.
   */
  readonly drained: () => Promise<void>;
  readonly counters: Readonly<Counters>;
}

/** DynamoDB Local shows a write on the stream up to 16 ms late (seen); a poll before that proves nothing. */
const visibilityMs = 100;

/** Whether every shard was found, and read and settled up to its tip, after this time. */
const isDrainedSince = (state: MappingState, run: Run, sinceMs: number): boolean =>
  state.discoveredMs >= sinceMs &&
  state.lineage.shards().every((shard) => {
    const idleMs = run.readers.get(shard)?.idleSinceMs() ?? Number.NEGATIVE_INFINITY;
    return shard.status === "done" || idleMs >= sinceMs;
  });

const untilDrained = async (state: MappingState, currentRun: () => Run | undefined): Promise<void> => {
  const { clock } = state.settings;
  const sinceMs = clock.now() + visibilityMs;
  await clock.sleep(visibilityMs);
  state.shardsWanted.notify();
  for (;;) {
    const run = currentRun();
    if (run?.failure) throw run.failure.error;
    if (!run || run.controller.signal.aborted) throw new Error("The mapping was stopped before it was drained.");
    if (isDrainedSince(state, run, sinceMs)) return;
    await state.progress.wait();
  }
};

/**
 * Makes an event source mapping that polls a DynamoDB stream and invokes a function, as AWS Lambda's does.
 * @throws {ConfigError} CONFIG_INVALID when an option is out of AWS's range.
 * @example
 * const mapping = eventSourceMapping({ client, streamArn, handler, startingPosition: "TRIM_HORIZON" });
 * await mapping.start();
 * await mapping.drained();
 * await mapping.stop();
 */
export const eventSourceMapping = (options: EventSourceMappingOptions): EventSourceMapping => {
  const settings = settingsOf(options);
  const state: MappingState = {
    settings,
    counters: zeroCounters(),
    mappingId: randomUUID(),
    lineage: createLineage(settings.client, settings.streamArn, settings.startingPosition),
    progress: latch(),
    shardsWanted: latch(),
    discoveredMs: Number.NEGATIVE_INFINITY,
  };
  let starting: Promise<Run> | undefined;
  let current: Run | undefined;
  const start = async (): Promise<void> => {
    starting ??= startRun(state);
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
    state.progress.notify();
    await run?.finished;
    current = undefined;
    starting = undefined;
  };
  return { start, stop, drained: () => untilDrained(state, () => current), counters: state.counters };
};
