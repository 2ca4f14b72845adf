// What the sink needs to write to the table, made from the table's description. A table may be deleted and created again
// with another key while the environment lives. So the description is read again before a delivery is rejected.

import { isDeepStrictEqual } from "node:util";
import {
  ConfigError,
  type Countdown,
  countdown,
  failed,
  orSinkError,
  SinkError,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { classifyForTable } from "../classify.ts";
import type { CallDynamodb } from "../client/client.ts";
import { compileEncode } from "../encode.ts";
import type { DynamodbSettings } from "../options.ts";
import { describeTarget, loopCheck, type TargetTable } from "../schema/table.ts";
import { compileKeys, type TargetKeys } from "./key.ts";
import { dryRunnerOf, type WriteItem, writerOf } from "./write-item.ts";

/** The table's description, and the functions that write to the table. */
export interface TableWriter {
  readonly target: TargetTable;
  readonly checkSource: ReturnType<typeof loopCheck>;
  readonly encode: ReturnType<typeof compileEncode>;
  readonly placesOf: TargetKeys["placesOf"];
  readonly writeItem: WriteItem;
  readonly dryRunItem: WriteItem;
}

/**
 * Reads the table's description, and creates the functions that write to the table.
 * @throws {SinkError} when the options do not fit the table, or its description cannot be read. The code is never one
 * for which core rejects deliveries.
 */
const tableWriterOf = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  signal: AbortSignal,
): Promise<TableWriter> => {
  try {
    const target = await describeTarget(settings, call, signal);
    const { keysOf, placesOf } = compileKeys(settings, target);
    return {
      target,
      checkSource: loopCheck(target),
      encode: compileEncode(settings, keysOf),
      placesOf,
      writeItem: writerOf(settings, call),
      dryRunItem: dryRunnerOf(settings, call),
    };
  } catch (error) {
    throw error instanceof ConfigError ? error : classifyForTable(settings.name, error);
  }
};

type Batch = readonly UpsertDelivery<unknown>[];

/** Writes a batch to the table. */
export type WriteBatch = (writer: TableWriter, batch: Batch, signal: AbortSignal) => Promise<readonly WriteResult[]>;

/** Whether the result may be caused by a description of the table that is no longer true. */
const isDoubtful = (result: WriteResult): boolean =>
  result.outcome === "failed" && (result.error.code === "SINK_REJECTED" || result.error.code === "SINK_MISSING");

/** After this time the description is read again. A put to a table whose key has fewer attributes would not fail. */
const maxAgeMs = 60_000;

/** Keeps the table writer, and returns the one of the last description. */
const writerStore = (settings: DynamodbSettings, call: CallDynamodb) => {
  let stored: { readonly writer: TableWriter; readonly left: Countdown } | undefined;
  const read = async (signal: AbortSignal): Promise<TableWriter> => {
    stored = undefined;
    const writer = await tableWriterOf(settings, call, signal);
    stored = { writer, left: countdown(maxAgeMs, settings.now) };
    return writer;
  };
  /** Reads the description again if it is old. If DynamoDB does not answer, the old description stays in use. */
  const current = async (signal: AbortSignal): Promise<TableWriter | undefined> => {
    const old = stored;
    if (old === undefined || old.left() > 0) return old?.writer;
    const fresh = await orSinkError(read(signal));
    if (!(fresh instanceof SinkError)) return fresh;
    if (fresh.code === "SINK_MISSING") throw fresh;
    stored = old;
    return old.writer;
  };
  return { read, current };
};

/** Writes a batch with a description of the table that is not outdated. */
export type WithTableWriter = (write: WriteBatch, batch: Batch, signal: AbortSignal) => Promise<readonly WriteResult[]>;

/** The functions that share the description of the table. */
export interface TableWriters {
  readonly withWriter: WithTableWriter;
  /** Returns the table writer of a description that is at most a minute old. */
  readonly writer: (signal: AbortSignal) => Promise<TableWriter>;
}

/**
 * Creates the functions that get the table writer. `withWriter` writes batches. If the description is from an earlier call, and deliveries are rejected or a
 * ConfigError is thrown, the function reads the description again. If the table has changed, it writes them again.
 */
export const tableWriterCache = (settings: DynamodbSettings, call: CallDynamodb): TableWriters => {
  const { read, current } = writerStore(settings, call);
  /** Writes doubtful deliveries again if the table has changed. If it cannot be described, they fail with this error. */
  const checked = async (
    results: readonly WriteResult[],
    { target }: TableWriter,
    write: WriteBatch,
    signal: AbortSignal,
  ): Promise<readonly WriteResult[]> => {
    const doubtful = results.filter(isDoubtful).map(({ delivery }) => delivery as UpsertDelivery<unknown>);
    if (doubtful.length === 0) return results;
    const certain = results.filter((result) => !isDoubtful(result));
    const fresh = await orSinkError(read(signal));
    if (fresh instanceof SinkError) return [...certain, ...doubtful.map((delivery) => failed(delivery, fresh))];
    if (isDeepStrictEqual(fresh.target, target)) return results;
    return [...certain, ...(await write(fresh, doubtful, signal))];
  };
  const withWriter: WithTableWriter = async (write, batch, signal) => {
    const known = await current(signal);
    if (known === undefined) return write(await read(signal), batch, signal);
    const results = await write(known, batch, signal).catch((error: unknown) => {
      if (error instanceof ConfigError) return undefined;
      throw error;
    });
    return results === undefined ? write(await read(signal), batch, signal) : checked(results, known, write, signal);
  };
  return { withWriter, writer: async (signal) => (await current(signal)) ?? read(signal) };
};
