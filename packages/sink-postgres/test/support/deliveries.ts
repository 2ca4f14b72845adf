// Creates deliveries for tests that call a sink directly, and a database for each test.

import type { Change, UpsertDelivery, WriteContext, WriteResult } from "@sluice/core/sink-kit";
import type { PostgresEngine } from "@sluice/local";
import { type RecordOptions, streamChange } from "@sluice/testing";
import pg from "pg";
import type { PostgresPool, PostgresQuery } from "../../src/index.ts";

/** The context of an invocation that ends when the signal aborts. By default, the invocation never ends. */
export const invocation = (signal: AbortSignal = new AbortController().signal): WriteContext => ({
  signal,
  remainingMs: () => (signal.aborted ? 0 : Number.POSITIVE_INFINITY),
});

/** A change of the item with this key. Without `after`, the change removes the item. */
export const changeOf = (
  keys: { readonly [attribute: string]: unknown },
  position: number,
  after?: { readonly [attribute: string]: unknown },
): Change => {
  const keyNames = Object.keys(keys);
  const live: RecordOptions = { after: { ...keys, ...after }, position, keyNames };
  return streamChange(after === undefined ? { before: keys, position, keyNames } : live);
};

/** A delivery with a row. */
export const upsertOf = <Message>(change: Change, message: Message): UpsertDelivery<Message> => ({
  change,
  message,
  earlier: [],
});

/** A delivery that removes the row. */
export const removalOf = (change: Change): UpsertDelivery<never> => ({ change, message: undefined, earlier: [] });

/** Outcomes in the order of the batch: `delivered`, `superseded`, or the error code of a failed delivery. */
export const outcomesOf = (batch: readonly UpsertDelivery<unknown>[], results: readonly WriteResult[]): string[] =>
  batch.map((delivery) => {
    const found = results.filter((result) => result.delivery === delivery);
    const [one] = found;
    if (one === undefined || found.length !== 1) return `${found.length} results`;
    return one.outcome === "failed" ? one.error.code : one.outcome;
  });

/** The error messages of failed deliveries. */
export const messagesOf = (results: readonly WriteResult[]): string[] =>
  results.flatMap((one) => (one.outcome === "failed" ? [one.error.message] : []));

/** A pool that keeps its queries for the test. */
export interface WatchedPool extends PostgresPool {
  readonly queries: readonly PostgresQuery[];
}

/** Wraps a pool to keep its queries. `before` runs before each query, and may delay this query or make it fail. */
export const watch = (
  pool: PostgresPool,
  before: (query: PostgresQuery) => Promise<void> | void = () => undefined,
): WatchedPool => {
  const queries: PostgresQuery[] = [];
  return {
    queries,
    connect: async () => {
      const client = await pool.connect();
      return {
        query: async (query) => {
          queries.push(query);
          await before(query);
          return client.query(query);
        },
        release: (error) => client.release(error),
        on: (event, listener) => client.on?.(event, listener),
        removeListener: (event, listener) => client.removeListener?.(event, listener),
      };
    },
    end: () => pool.end(),
  };
};

/** A database, a pool for the database, and a function that runs SQL. */
export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;
  readonly close: () => Promise<void>;
}

/** Opens an existing database. */
export const openDatabase = (url: string, max = 4): Database => {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on("error", () => undefined);
  return {
    url,
    pool,
    sql: async (text, values) => (await pool.query(text, values)).rows,
    close: () => pool.end(),
  };
};

/** Creates and opens an empty database. */
export const newDatabase = async (engine: PostgresEngine, max = 4): Promise<Database> =>
  openDatabase(await engine.createDatabase(), max);
