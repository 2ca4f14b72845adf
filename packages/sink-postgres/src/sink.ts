// The factory: options in, a sink out. Nothing connects before the first write.

import {
  failed,
  type Image,
  type LiveChange,
  type MappedSink,
  RecordError,
  type Sink,
  SinkError,
  type UpsertDelivery,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { openPool, type PostgresPool, type Session, unhurried, withSession } from "./client/pool.ts";
import { checkOptions, type PostgresSinkOptions, type Settings } from "./options.ts";
import type { ColumnMap } from "./schema/columns.ts";
import { type EnsureOptions, ensureTables } from "./schema/ensure.ts";
import { type PurgeOptions, purgeTombstones } from "./schema/purge.ts";
import { unstarted } from "./write/batch.ts";
import { type BatchCall, type Plan, peekBatch, readPlan, writeBatch } from "./write/write-batch.ts";

/** A value that a row may hold. Objects: `Date`, bytes, `NumberValue`, `Set`, arrays, and anything else as JSON. */
export type PostgresValue = string | number | bigint | boolean | null | undefined | Date | Uint8Array | object;

/** A row as a mapper returns it: column to value. A column that it does not name becomes NULL. */
export interface PostgresRow {
  readonly [column: string]: PostgresValue;
}

/** Keeps one table equal to the items that are mapped to it. */
export interface PostgresSink<Message = PostgresRow> extends Sink<Message, "upsert"> {
  /**
   * Creates what is missing: table, ledger or view, columns. Returns the statements; none when all is there.
   * @throws {ConfigError} CONFIG_INVALID when what exists contradicts the options
   * @throws {SinkError} as `write` does
   */
  readonly ensure: (options?: EnsureOptions) => Promise<readonly string[]>;
  /**
   * Removes tombstones that no repeat can reach any more, and returns how many there were. Run it daily.
   * @throws {ConfigError} CONFIG_INVALID when the horizon is too short
   * @throws {SinkError} as `write` does
   */
  readonly purge: (options?: PurgeOptions) => Promise<number>;
  /** Ends the pool that the sink made; a pool of your own stays open. */
  readonly close: () => Promise<void>;
}

/** A sink whose columns are declared by attribute path: its message is the item as it stands in the record. */
export interface MappedPostgresSink extends PostgresSink<Image> {
  readonly map: MappedSink<Image, "upsert">["map"];
}

/** What `postgres` makes depends on `columns`: an object brings the mapping along. */
export interface PostgresFactory {
  (options: PostgresSinkOptions & { readonly columns: ColumnMap }): MappedPostgresSink;
  (options: PostgresSinkOptions & { readonly columns?: readonly string[] }): PostgresSink;
}

/** The sink's pool: the user's own, or one that is made at first use. */
interface Pools {
  readonly open: () => Promise<PostgresPool>;
  readonly close: () => Promise<void>;
}

const poolsOf = ({ source }: Settings): Pools => {
  if ("pool" in source) return { open: async () => source.pool, close: async () => undefined };
  let opened: Promise<PostgresPool> | undefined;
  return {
    open: () => {
      opened ??= openPool(source.settings);
      return opened;
    },
    close: async () => {
      const closing = opened;
      opened = undefined;
      await (await closing)?.end();
    },
  };
};

const imageOf = (change: LiveChange<unknown>): Image => {
  const image = change.record.dynamodb?.NewImage;
  if (image !== undefined) return image;
  throw new RecordError("RECORD_INCOMPLETE", `a stream of view type ${change.viewType} carries no new image`);
};

type Run = <Value>(context: WriteContext, use: (session: Session) => Promise<Value>) => Promise<Value>;

type Write = PostgresSink<unknown>["write"];

/** Makes the calls that take a batch: they share the plan. */
const callsOf = (settings: Settings, run: Run): ((call: BatchCall) => Write) => {
  let plan: Plan | undefined;
  const attempt = async (
    call: BatchCall,
    session: Session,
    batch: readonly UpsertDelivery<unknown>[],
    signal: AbortSignal,
  ): Promise<readonly WriteResult[]> => {
    try {
      plan ??= await readPlan(session, settings);
      return await call(session, settings, plan, batch, signal);
    } catch (error) {
      // The table may have been altered since: the next write reads the catalogue again.
      if (error instanceof SinkError && error.code === "SINK_MISSING") plan = undefined;
      throw error;
    }
  };
  return (call) => async (batch, context) => {
    if (batch.length === 0) return [];
    if (context.signal.aborted) {
      const error = unstarted();
      return batch.map((delivery) => failed(delivery, error));
    }
    try {
      return await run(context, (session) => attempt(call, session, batch, context.signal));
    } catch (error) {
      if (error instanceof SinkError && error.code === "SINK_TIMEOUT")
        return batch.map((delivery) => failed(delivery, error));
      throw error;
    }
  };
};

const makeSink = (options: PostgresSinkOptions): PostgresSink<unknown> | MappedPostgresSink => {
  const settings = checkOptions(options);
  const pools = poolsOf(settings);
  const run: Run = async (context, use) => withSession(settings.name, await pools.open(), context, use);
  const calling = callsOf(settings, run);
  const sink: PostgresSink<unknown> = {
    name: settings.name,
    supports: { writes: "upsert" },
    write: calling(writeBatch),
    dryRun: calling(peekBatch),
    ensure: (ensure) => run(unhurried, (session) => ensureTables(session, settings, ensure)),
    purge: (purge) => purgeTombstones((use) => run(unhurried, use), settings.relations, purge),
    close: pools.close,
  };
  return settings.declared === undefined ? sink : { ...sink, map: imageOf };
};

/**
 * Makes a sink that keeps a Postgres table equal to the mapped items: bulk upserts and deletes, guarded by version.
 * Connects at the first write, not before.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name
 */
export const postgresSink: PostgresFactory = makeSink as PostgresFactory;
