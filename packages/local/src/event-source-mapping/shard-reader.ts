// Reads one shard to its end and spreads its records over the lanes, never further ahead than it has to.

import { lambdaRecord } from "@sluice/core/envelope";
import type { WireRecord } from "../streams-client.ts";
import { type Checkpoint, createCheckpoint } from "./checkpoint.ts";
import { type Latch, latch } from "./condition.ts";
import type { Counters } from "./counters.ts";
import { type Cursor, createCursor, type Page, type Position } from "./cursor.ts";
import { deliver } from "./deliver.ts";
import type { Shard } from "./lineage.ts";
import type { Settings } from "./options.ts";
import { type Entry, entryOf, laneOf } from "./polled-record.ts";
import { createLane, type Lane } from "./shard-worker.ts";

/** What a reader depends on. */
export interface ShardReaderContext {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly mappingId: string;
  readonly signal: AbortSignal;
  /** Told when the reader comes nearer to the tip. */
  readonly onProgress: () => void;
}

/** The reader of a running shard. */
export interface ShardReader {
  readonly shard: Shard;
  /** Fixes where reading begins. */
  readonly open: () => Promise<unknown>;
  /** Reads and delivers; resolves with true at the shard's end, with false when the signal aborted. */
  readonly run: () => Promise<boolean>;
  /** When the latest poll began that found nothing new; minus infinity while records are outstanding. */
  readonly idleSinceMs: () => number;
}

interface Reading {
  readonly shard: Shard;
  readonly context: ShardReaderContext;
  readonly cursor: Cursor;
  readonly checkpoint: Checkpoint;
  /** Notified when there may be room to read on. */
  readonly room: Latch;
  readonly lanes: readonly Lane[];
  emptyPollMs: number;
}

const pageLimit = 1000;

const positionOf = ({ checkpoint, start }: Shard): Position =>
  checkpoint === undefined ? start : { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: checkpoint };

const take = (reading: Reading, record: WireRecord, settle: (entries: readonly Entry[]) => void): void => {
  const { checkpoint, lanes, context } = reading;
  const { settings, counters } = context;
  const converted = lambdaRecord(record, settings.streamArn);
  const entry = entryOf(converted, settings.clock.now());
  checkpoint.track(entry);
  counters.polledEventCount += 1;
  if (settings.passes(converted)) {
    lanes[laneOf(converted, lanes.length)]?.push(entry);
    return;
  }
  counters.filteredOutEventCount += 1;
  settle([entry]);
};

/** The next page; undefined when the poll failed, which is reported and tried again. */
const poll = async ({ cursor, context }: Reading): Promise<Page | undefined> => {
  try {
    return await cursor.next();
  } catch (error) {
    context.settings.onProblem(error);
    return undefined;
  }
};

/** Resolves with true after the last page. */
const readPage = async (reading: Reading, settle: (entries: readonly Entry[]) => void): Promise<boolean> => {
  const { shard, cursor, context } = reading;
  const { clock, pollIntervalMs } = context.settings;
  const beganMs = clock.now();
  const page = await poll(reading);
  shard.start = cursor.origin();
  for (const record of page?.records ?? []) take(reading, record, settle);
  if (page?.isTip) reading.emptyPollMs = beganMs;
  context.onProgress();
  if (page?.isLast) return true;
  if (!page || page.records.length === 0) await clock.sleep(pollIntervalMs, context.signal);
  return false;
};

/** Reads until the shard ends or the signal aborts, and then lets the lanes come to their end. */
const read = async (reading: Reading, settle: (entries: readonly Entry[]) => void): Promise<boolean> => {
  const { checkpoint, context, lanes, room } = reading;
  const readAhead = context.settings.batchSize * lanes.length + pageLimit;
  let reachedEnd = false;
  while (!reachedEnd && !context.signal.aborted) {
    if (checkpoint.outstanding() >= readAhead) await room.wait();
    else reachedEnd = await readPage(reading, settle);
  }
  for (const lane of lanes) lane.close();
  return reachedEnd;
};

export const createShardReader = (shard: Shard, context: ShardReaderContext): ShardReader => {
  const { settings, signal } = context;
  const checkpoint = createCheckpoint(shard.checkpoint);
  const room = latch();
  signal.addEventListener("abort", room.notify);
  const settle = (entries: readonly Entry[]): void => {
    checkpoint.settle(entries);
    shard.checkpoint = checkpoint.sequenceNumber();
    room.notify();
    context.onProgress();
  };
  const deliverContext = { ...context, shardId: shard.id, settle };
  const lane = (): Lane => createLane({ ...settings, signal, deliver: (batch) => deliver(deliverContext, batch) });
  const source = { client: settings.client, streamArn: settings.streamArn, shardId: shard.id };
  const reading: Reading = {
    shard,
    context,
    cursor: createCursor(source, positionOf(shard)),
    checkpoint,
    room,
    lanes: Array.from({ length: settings.parallelizationFactor }, lane),
    emptyPollMs: Number.NEGATIVE_INFINITY,
  };
  const run = async (): Promise<boolean> => {
    const lanes = reading.lanes.map((each) => each.run());
    const [reachedEnd] = await Promise.all([read(reading, settle), ...lanes]);
    return reachedEnd && checkpoint.outstanding() === 0;
  };
  const idleSinceMs = (): number => (checkpoint.outstanding() === 0 ? reading.emptyPollMs : Number.NEGATIVE_INFINITY);
  return { shard, open: reading.cursor.open, run, idleSinceMs };
};
