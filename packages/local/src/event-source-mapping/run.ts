// One run of a mapping, from start to stop. The run lists the shards, and starts a reader for each readable shard.

import { setMaxListeners } from "node:events";
import { atMost } from "../lambda/at-most.ts";
import { failRun, type MappingRun } from "../lambda/mapping-run.ts";
import type { Counters } from "./counters.ts";
import { exceptionOf } from "./cursor.ts";
import type { Lineage, Shard } from "./lineage.ts";
import type { Notifier } from "./notifier.ts";
import type { StreamMappingSettings } from "./options.ts";
import { createShardReader, type ShardReader } from "./shard-reader.ts";

/** The state of a mapping. All runs of the mapping share this state. */
export interface MappingState {
  readonly settings: StreamMappingSettings;
  readonly counters: Counters;
  readonly mappingId: string;
  readonly lineage: Lineage;
  /** Notified when a reader or the discovery of shards makes progress. */
  readonly progress: Notifier;
  /** Notified to request a new listing of the shards. */
  readonly shardsWanted: Notifier;
  /** Time at which the latest listing of the shards began. */
  discoveredMs: number;
}

/** One run, with the readers of its shards. */
export interface StreamMappingRun extends MappingRun {
  readonly readers: Map<Shard, ShardReader>;
}

const discoveryIntervalMs = 10_000;

const discover = async (state: MappingState): Promise<void> => {
  const beganMs = state.settings.clock.now();
  await state.lineage.discover();
  state.discoveredMs = beganMs;
  state.progress.notify();
};

const discoverAgain = async (state: MappingState, run: StreamMappingRun): Promise<void> => {
  const { onProblem, clock, pollIntervalMs } = state.settings;
  try {
    await discover(state);
  } catch (error) {
    if (exceptionOf(error) === "ResourceNotFoundException") return failRun(run, error, onProblem);
    onProblem(error);
    await clock.sleep(pollIntervalMs, run.controller.signal);
  }
};

/** Makes readers for the shards that may be read now. */
const createReaders = (state: MappingState, run: StreamMappingRun): readonly ShardReader[] =>
  state.lineage.ready().map((shard) => {
    const { signal } = run.controller;
    const reader = createShardReader(shard, { ...state, signal, onProgress: state.progress.notify });
    shard.status = "running";
    run.readers.set(shard, reader);
    return reader;
  });

const runReader = async (state: MappingState, run: StreamMappingRun, reader: ShardReader): Promise<void> => {
  try {
    const reachedEnd = await reader.run();
    reader.shard.status = reachedEnd ? "done" : "waiting";
    if (!reachedEnd) return;
    run.readers.delete(reader.shard);
    // This shard has ended, and its child shards may not be listed yet.
    state.shardsWanted.notify();
  } catch (error) {
    failRun(run, error, state.settings.onProblem);
  }
};

/** Waits until a new listing is requested or an interval is over. The interval is short while no shard is read. */
const untilShardsMayHaveChanged = async (state: MappingState, run: StreamMappingRun): Promise<void> => {
  const { clock, pollIntervalMs } = state.settings;
  const pauseMs = run.readers.size === 0 ? pollIntervalMs : discoveryIntervalMs;
  await atMost(clock, pauseMs, state.shardsWanted.wait());
};

const supervise = async (state: MappingState, run: StreamMappingRun, first: readonly ShardReader[]): Promise<void> => {
  const { signal } = run.controller;
  const running = first.map((reader) => runReader(state, run, reader));
  while (!signal.aborted) {
    await untilShardsMayHaveChanged(state, run);
    if (signal.aborted) break;
    await discoverAgain(state, run);
    running.push(...createReaders(state, run).map((reader) => runReader(state, run, reader)));
  }
  await Promise.all(running);
};

/** Starts a run; resolves when every shard that may be read has a fixed starting position. */
export const startRun = async (state: MappingState): Promise<StreamMappingRun> => {
  const run: StreamMappingRun = {
    controller: new AbortController(),
    readers: new Map(),
    finished: Promise.resolve(),
  };
  // Each worker of each shard adds a listener, so the number of listeners is not limited.
  setMaxListeners(0, run.controller.signal);
  run.controller.signal.addEventListener("abort", state.progress.notify);
  run.controller.signal.addEventListener("abort", state.shardsWanted.notify);
  try {
    await discover(state);
    const readers = createReaders(state, run);
    await Promise.all(readers.map((reader) => reader.open()));
    run.finished = supervise(state, run, readers);
    return run;
  } catch (error) {
    for (const shard of run.readers.keys()) shard.status = "waiting";
    throw error;
  }
};
