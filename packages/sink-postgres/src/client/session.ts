// One connection for the duration of a write. Its queries end with the invocation's time.

import { unanswered, untilAborted, type WriteContext } from "@sluice/core/sink-kit";
import { classify, isConnectionGood } from "../classify.ts";
import type { PostgresClient, PostgresPool, PostgresResult } from "./pool.ts";

/** One connection of the pool. */
export interface Session {
  /** Runs a query. @throws {SinkError} with the code that `classify` finds. */
  readonly query: (text: string, values: unknown[]) => Promise<PostgresResult>;
}

/** Calls a function with a session, within the time of a context. */
export type RunInSession = <Value>(context: WriteContext, use: (session: Session) => Promise<Value>) => Promise<Value>;

/** Longest delay of a Node timer, because a longer one would fire at once. */
const maxTimerMs = 2_147_483_647;

const connect = async (sink: string, pool: PostgresPool, signal: AbortSignal): Promise<PostgresClient> => {
  const pending = pool.connect();
  try {
    return await untilAborted(pending, signal, () => unanswered(sink, "Postgres"));
  } catch (error) {
    // A connection that opens too late goes back to the pool. The error of a failed connection is thrown below.
    pending.then(
      (client) => client.release(),
      () => undefined,
    );
    throw classify(sink, error);
  }
};

const queryTimeout = (remainingMs: number): { query_timeout?: number } =>
  remainingMs <= maxTimerMs ? { query_timeout: Math.max(1, Math.floor(remainingMs)) } : {};

/** Runs `use` with a connection. It then goes back to the pool, or is closed if a query may still be running. */
export const withSession = async <Value>(
  sink: string,
  pool: PostgresPool,
  { signal, remainingMs }: WriteContext,
  use: (session: Session) => Promise<Value>,
): Promise<Value> => {
  const client = await connect(sink, pool, signal);
  let broken: Error | undefined;
  // pg's pool listens only to idle connections. Without a listener, a loss between two queries would end the process.
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
