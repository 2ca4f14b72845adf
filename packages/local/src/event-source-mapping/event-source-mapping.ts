// The event source mapping of a DynamoDB stream as one object: start, stop, and wait until it is drained.

import { randomUUID } from "node:crypto";
import { mappingRuns } from "../lambda/mapping-run.ts";
import { type Counters, zeroCounters } from "./counters.ts";
import { createLineage } from "./lineage.ts";
import { notifier } from "./notifier.ts";
import { type EventSourceMappingOptions, streamMappingSettings } from "./options.ts";
import { type MappingState, type StreamMappingRun, startRun } from "./run.ts";

/** A running or stopped mapping. */
export interface EventSourceMapping {
  /**
   * Starts polling; resolves when the starting position is fixed. After a `stop`, polling continues at the checkpoints.
   * @throws when the stream cannot be described.
   */
  readonly start: () => Promise<void>;
  /** Ends polling and retries; resolves when the last invocation has ended. */
  readonly stop: () => Promise<void>;
  /**
   * Resolves when every record that was written to the stream before this call is delivered, filtered out or discarded.
   * Keeps waiting while a record is retried. Rejects when the mapping stops first or the stream is gone.
   */
  readonly drained: () => Promise<void>;
  readonly counters: Readonly<Counters>;
}

/**
 * DynamoDB Local shows a write on the stream up to 16 ms late on a quiet machine (measured), and later on a busy one.
 * An earlier poll may miss the write.
 */
const visibilityMs = 300;

/** Whether, since this time, the shards were listed, and every shard was read and processed up to its tip. */
const isDrainedSince = (state: MappingState, run: StreamMappingRun, sinceMs: number): boolean =>
  state.discoveredMs >= sinceMs &&
  state.lineage.shards().every((shard) => {
    const idleMs = run.readers.get(shard)?.idleSinceMs() ?? Number.NEGATIVE_INFINITY;
    return shard.status === "done" || idleMs >= sinceMs;
  });

const untilDrained = async (state: MappingState, currentRun: () => StreamMappingRun): Promise<void> => {
  const { clock } = state.settings;
  const sinceMs = clock.now() + visibilityMs;
  await clock.sleep(visibilityMs, new AbortController().signal);
  state.shardsWanted.notify();
  while (!isDrainedSince(state, currentRun(), sinceMs)) await state.progress.wait();
};

/**
 * Creates an event source mapping that polls a DynamoDB stream and invokes a function, as AWS Lambda does.
 * @throws {ConfigError} CONFIG_INVALID when an option is outside AWS's range.
 * @example
 * const mapping = eventSourceMapping({ client, streamArn, handler, startingPosition: "TRIM_HORIZON" });
 * await mapping.start();
 * await mapping.drained();
 * await mapping.stop();
 */
export const eventSourceMapping = (options: EventSourceMappingOptions): EventSourceMapping => {
  const settings = streamMappingSettings(options);
  const state: MappingState = {
    settings,
    counters: zeroCounters(),
    mappingId: randomUUID(),
    lineage: createLineage(settings),
    progress: notifier(),
    shardsWanted: notifier(),
    discoveredMs: Number.NEGATIVE_INFINITY,
  };
  const { start, stop, current } = mappingRuns(() => startRun(state));
  return { start, stop, drained: () => untilDrained(state, current), counters: state.counters };
};
