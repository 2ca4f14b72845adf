// Reads one shard to its end and distributes its records to the workers. It does not read far ahead of the workers.

import { lambdaRecord, type StreamsApiRecord } from "@sluice/core/envelope";
import { type Checkpoint, createCheckpoint } from "./checkpoint.ts";
import { type Cursor, createCursor, type Page, type Position } from "./cursor.ts";
import { deliver } from "./deliver.ts";
import type { DeliverContext } from "./discard.ts";
import type { Shard } from "./lineage.ts";
import { type Notifier, notifier } from "./notifier.ts";
import { type PolledRecord, polledRecord, workerIndexOf } from "./polled-record.ts";
import { createShardWorker, type ShardWorker } from "./shard-worker.ts";

/** Settings and counters of a reader. */
export interface ShardReaderContext extends Omit<DeliverContext, "shardId" | "finish"> {
  /** Called when the reader has read a page or finished records. */
  readonly onProgress: () => void;
}

/** The reader of a running shard. */
export interface ShardReader {
  readonly shard: Shard;
  /** Fixes the starting position. */
  readonly open: () => Promise<unknown>;
  /** Reads and delivers. Resolves with true at the end of the shard, and with false after the signal has aborted. */
  readonly run: () => Promise<boolean>;
  /** Time at which the latest empty poll began; minus infinity while records are outstanding. */
  readonly idleSinceMs: () => number;
}

interface ReaderState {
  readonly shard: Shard;
  readonly context: ShardReaderContext;
  readonly cursor: Cursor;
  readonly checkpoint: Checkpoint;
  /** Notified when records are finished, because the reader may then read further records. */
  readonly room: Notifier;
  readonly workers: readonly ShardWorker[];
  readonly finish: (records: readonly PolledRecord[]) => void;
  emptyPollMs: number;
}

const pageLimit = 1000;

const positionOf = ({ checkpoint, start }: Shard): Position =>
  checkpoint === undefined ? start : { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: checkpoint };

/** Gives a record to the worker of its item, unless the filter drops the record. */
const distribute = ({ checkpoint, workers, context, finish }: ReaderState, apiRecord: StreamsApiRecord): void => {
  const { settings, counters } = context;
  const record = lambdaRecord(apiRecord, settings.streamArn);
  const polled = polledRecord(record, settings.clock.now());
  checkpoint.track(polled);
  counters.polledEventCount += 1;
  if (settings.passes(record)) {
    workers[workerIndexOf(record, workers.length)]?.push(polled);
    return;
  }
  counters.filteredOutEventCount += 1;
  finish([polled]);
};

/** Reads the next page. If the poll fails, reports the error and returns undefined. The caller then polls again. */
const poll = async ({ cursor, context }: ReaderState): Promise<Page | undefined> => {
  try {
    return await cursor.next();
  } catch (error) {
    context.settings.onProblem(error);
    return undefined;
  }
};

/** Reads a page and distributes its records. Resolves with true after the last page. */
const readPage = async (state: ReaderState): Promise<boolean> => {
  const { shard, cursor, context } = state;
  const { clock, pollIntervalMs } = context.settings;
  const beganMs = clock.now();
  const page = await poll(state);
  shard.start = cursor.origin();
  for (const record of page?.records ?? []) distribute(state, record);
  if (page?.isTip) state.emptyPollMs = beganMs;
  context.onProgress();
  if (page?.isLast) return true;
  if (!page || page.records.length === 0) await clock.sleep(pollIntervalMs, context.signal);
  return false;
};

/** Reads until the shard ends or the signal aborts, and then closes the workers. */
const read = async (state: ReaderState): Promise<boolean> => {
  const { checkpoint, context, workers, room } = state;
  const readAhead = context.settings.batchSize * workers.length + pageLimit;
  let reachedEnd = false;
  while (!reachedEnd && !context.signal.aborted) {
    if (checkpoint.outstanding() >= readAhead) await room.wait();
    else reachedEnd = await readPage(state);
  }
  for (const worker of workers) worker.close();
  return reachedEnd;
};

/** Creates a reader with its workers. `run` starts the reader. */
export const createShardReader = (shard: Shard, context: ShardReaderContext): ShardReader => {
  const { settings, signal } = context;
  const checkpoint = createCheckpoint(shard.checkpoint);
  const room = notifier();
  signal.addEventListener("abort", room.notify);
  const finish = (records: readonly PolledRecord[]): void => {
    checkpoint.finish(records);
    shard.checkpoint = checkpoint.sequenceNumber();
    room.notify();
    context.onProgress();
  };
  const deliverContext = { ...context, shardId: shard.id, finish };
  const worker = (): ShardWorker => createShardWorker(settings, signal, (batch) => deliver(deliverContext, batch));
  const state: ReaderState = {
    shard,
    context,
    cursor: createCursor(settings, shard.id, positionOf(shard)),
    checkpoint,
    room,
    finish,
    workers: Array.from({ length: settings.parallelizationFactor }, worker),
    emptyPollMs: Number.NEGATIVE_INFINITY,
  };
  const run = async (): Promise<boolean> => {
    const running = state.workers.map((each) => each.run());
    const [reachedEnd] = await Promise.all([read(state), ...running]);
    return reachedEnd && checkpoint.outstanding() === 0;
  };
  const idleSinceMs = (): number => (checkpoint.outstanding() === 0 ? state.emptyPollMs : Number.NEGATIVE_INFINITY);
  return { shard, open: state.cursor.open, run, idleSinceMs };
};
