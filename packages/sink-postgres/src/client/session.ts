// Lends a connection of the pool for one write. A connection or a query that takes too long fails.

import { ConfigError, SinkError, unanswered, untilAborted, type WriteContext } from "@sluice/core/sink-kit";
import { classify, connectionAfter, isPasswordRefused, isReadOnly } from "../classify.ts";
import type { PostgresClient, PostgresPool, PostgresResult } from "./pool.ts";
import type { PoolKeeper } from "./pool-keeper.ts";

/** One connection of the pool. */
export interface Session {
  /** Runs a query. @throws {SinkError} when the query fails. */
  readonly query: (text: string, values: unknown[]) => Promise<PostgresResult>;
  /** Closes the connection at the end, instead of giving it back to the pool. */
  readonly discard: (reason: Error) => void;
}

/** What a session needs to know about its sink. */
export interface SessionSettings {
  /** The sink's name, for errors. */
  readonly name: string;
  readonly pool: PoolKeeper;
  /** Longest time for opening a connection, in milliseconds. */
  readonly timeoutMs: number;
  /** Longest time for a query, in milliseconds. */
  readonly queryMs: number;
}

/** Longest delay of a Node timer. With a longer delay, the timer would fire immediately. */
const maxTimerMs = 2_147_483_647;

/** Settles like `work`, or rejects with `late()` after `ms`. */
const within = async <Value>(work: Promise<Value>, ms: number, late: () => Error): Promise<Value> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
};

const connect = async (
  { name, pool: keeper, timeoutMs }: SessionSettings,
  pool: PostgresPool,
  { signal, remainingMs }: WriteContext,
): Promise<PostgresClient> => {
  const pending = pool.connect();
  let isLate = false;
  const late = (error: SinkError): SinkError => {
    isLate = true;
    return error;
  };
  try {
    const ms = Math.max(1, Math.min(timeoutMs, remainingMs()));
    const opened = untilAborted(pending, signal, () => late(unanswered(name, "Postgres")));
    return await within(opened, ms, () =>
      late(new SinkError("SINK_UNAVAILABLE", `[${name}] Postgres opened no connection within ${Math.floor(ms)} ms`)),
    );
  } catch (error) {
    // If the connection opens later, it goes back to the pool. If it fails, its error is not needed any more.
    pending.then(
      (client) => client.release(),
      () => undefined,
    );
    // A refused password may have been rotated: the next pool reads the connection string again.
    if (isLate || isPasswordRefused(error)) keeper.abandon(pool);
    throw classify(name, error);
  }
};

const queryTimeout = (ms: number): { query_timeout?: number } =>
  ms <= maxTimerMs ? { query_timeout: Math.max(1, Math.floor(ms)) } : {};

/** The function in option `connection.connectionString` may throw, or take too long. */
const openedPool = async ({ name, pool }: SessionSettings, signal: AbortSignal): Promise<PostgresPool> => {
  try {
    return await untilAborted(pool.get(), signal, () => unanswered(name, 'the function "connectionString"'));
  } catch (error) {
    throw error instanceof ConfigError ? error : classify(name, error);
  }
};

/** Calls `use` with a connection, then gives it back. If it may be lost or still run a query, closes it instead. */
export const withSession = async <Value>(
  settings: SessionSettings,
  context: WriteContext,
  use: (session: Session) => Promise<Value>,
): Promise<Value> => {
  const { name, queryMs } = settings;
  const { signal, remainingMs } = context;
  const pool = await openedPool(settings, signal);
  const client = await connect(settings, pool, context);
  let broken: Error | undefined;
  let doubt: Error | undefined;
  // pg's pool listens only to idle connections. Without this listener, a loss between two queries ends the process.
  const noteLoss = (error: Error): void => {
    broken = error;
  };
  client.on?.("error", noteLoss);
  const noteError = (error: unknown, classified: SinkError): void => {
    const state = connectionAfter(error);
    if (state === "lost") broken = classified;
    else if (state === "doubtful") doubt = classified;
    // The other connections of the pool probably lead to the same silent or read-only server.
    if (state === "lost" && (classified.code === "SINK_TIMEOUT" || isReadOnly(error))) settings.pool.abandon(pool);
  };
  const query = async (text: string, values: unknown[]): Promise<PostgresResult> => {
    if (signal.aborted) throw unanswered(name, "Postgres");
    try {
      const answer = client.query({ text, values, ...queryTimeout(Math.min(queryMs, remainingMs())) });
      const result = await untilAborted(answer, signal, () => unanswered(name, "Postgres"));
      doubt = undefined;
      return result;
    } catch (error) {
      const classified = classify(name, error);
      noteError(error, classified);
      throw classified;
    }
  };
  try {
    return await use({ query, discard: noteLoss });
  } finally {
    client.release(broken ?? doubt);
    client.removeListener?.("error", noteLoss);
  }
};
