// Lends a connection of the pool for one write. A query fails when the invocation's time is over.

import { unanswered, untilAborted, type WriteContext } from "@sluice/core/sink-kit";
import { classify, isConnectionGood } from "../classify.ts";
import type { PostgresClient, PostgresPool, PostgresResult } from "./pool.ts";

/** One connection of the pool. */
export interface Session {
  /** Runs a query. @throws {SinkError} when the query fails. */
  readonly query: (text: string, values: unknown[]) => Promise<PostgresResult>;
}

/** Calls `use` with a session. Queries fail when the context's time is over. */
export type RunInSession = <Value>(context: WriteContext, use: (session: Session) => Promise<Value>) => Promise<Value>;

/** Longest delay of a Node timer. With a longer delay, the timer would fire immediately. */
const maxTimerMs = 2_147_483_647;

const connect = async (sink: string, pool: PostgresPool, signal: AbortSignal): Promise<PostgresClient> => {
  const pending = pool.connect();
  try {
    return await untilAborted(pending, signal, () => unanswered(sink, "Postgres"));
  } catch (error) {
    // If the connection opens after the abort, it goes back to the pool. If it fails, its error is not needed any more.
    pending.then(
      (client) => client.release(),
      () => undefined,
    );
    throw classify(sink, error);
  }
};

const queryTimeout = (remainingMs: number): { query_timeout?: number } =>
  remainingMs <= maxTimerMs ? { query_timeout: Math.max(1, Math.floor(remainingMs)) } : {};

/** Calls `use` with a connection, then gives it back. If it may be lost or still run a query, closes it instead. */
export const withSession = async <Value>(
  sink: string,
  pool: PostgresPool,
  { signal, remainingMs }: WriteContext,
  use: (session: Session) => Promise<Value>,
): Promise<Value> => {
  const client = await connect(sink, pool, signal);
  let broken: Error | undefined;
  // pg's pool listens only to idle connections. Without this listener, a loss between two queries ends the process.
  const noteLoss = (error: Error): void => {
    broken = error;
  };
  client.on?.("error", noteLoss);
  const query = async (text: string, values: unknown[]): Promise<PostgresResult> => {
    if (signal.aborted) throw unanswered(sink, "Postgres");
    try {
      const answer = client.query({ text, values, ...queryTimeout(remainingMs()) });
      return await untilAborted(answer, signal, () => unanswered(sink, "Postgres"));
    } catch (error) {
      const classified = classify(sink, error);
      if (!isConnectionGood(error)) broken = classified;
      throw classified;
    }
  };
  try {
    return await use({ query });
  } finally {
    client.release(broken);
    client.removeListener?.("error", noteLoss);
  }
};
