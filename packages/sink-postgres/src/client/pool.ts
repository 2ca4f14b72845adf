// Connections: the part of pg's pool that the sink uses, the pool it makes from options, and queries that end with
// the invocation's time.

import { missingDependency, SinkError, type WriteContext } from "@sluice/core/sink-kit";
import { classify, isConnectionGood } from "../classify.ts";
import type { PoolSettings } from "../options.ts";

/** A query as pg takes it: always unnamed, so that RDS Proxy can share the connection. */
export interface PostgresQuery {
  readonly text: string;
  readonly values: unknown[];
  /** Milliseconds after which the client gives up on the answer. */
  readonly query_timeout?: number;
}

/** What a query answers. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
}

/** The part of pg's `PoolClient` that the sink uses. */
export interface PostgresClient {
  readonly query: (query: PostgresQuery) => Promise<PostgresResult>;
  /** With an error: the connection is closed instead of going back to the pool. */
  readonly release: (error?: Error) => void;
  readonly on?: (event: "error", listener: (error: Error) => void) => unknown;
  readonly removeListener?: (event: "error", listener: (error: Error) => void) => unknown;
}

/** The part of pg's `Pool` that the sink uses: a pool of your own fits as it is. */
export interface PostgresPool {
  readonly connect: () => Promise<PostgresClient>;
  readonly end: () => Promise<void>;
}

/** One connection for the length of a write. */
export interface Session {
  /** @throws {SinkError} with the code that `classify` finds */
  readonly query: (text: string, values: unknown[]) => Promise<PostgresResult>;
}

/** Longest delay of a Node timer; a longer one fires at once. */
const maxTimerMs = 2_147_483_647;

/** No deadline: for `ensure` and `purge`. */
export const unhurried: WriteContext = {
  signal: new AbortController().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
};

/** The result of the work, or SINK_TIMEOUT as soon as the invocation's time is over. */
const untilAborted = <Value>(sink: string, work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(new SinkError("SINK_TIMEOUT", `[${sink}] the invocation's time was over before Postgres answered`));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });

const connect = async (sink: string, pool: PostgresPool, signal: AbortSignal): Promise<PostgresClient> => {
  const pending = pool.connect();
  try {
    return await untilAborted(sink, pending, signal);
  } catch (error) {
    // A connection that comes too late goes back to the pool; one that fails has told its error above.
    pending.then(
      (client) => client.release(),
      () => undefined,
    );
    throw classify(sink, error);
  }
};

const queryTimeout = (remainingMs: number): { query_timeout?: number } =>
  remainingMs <= maxTimerMs ? { query_timeout: Math.max(1, Math.floor(remainingMs)) } : {};

/** Runs `use` with one connection, which goes back to the pool unless something may still be under way on it. */
export const withSession = async <Value>(
  sink: string,
  pool: PostgresPool,
  context: WriteContext,
  use: (session: Session) => Promise<Value>,
): Promise<Value> => {
  const client = await connect(sink, pool, context.signal);
  let broken: Error | undefined;
  // pg's pool listens to idle connections only: a loss between two queries would end the process as unhandled.
  const noteLoss = (error: Error): void => {
    broken = error;
  };
  client.on?.("error", noteLoss);
  const query = async (text: string, values: unknown[]): Promise<PostgresResult> => {
    if (context.signal.aborted) throw new SinkError("SINK_TIMEOUT", `[${sink}] the invocation's time was over`);
    try {
      const answer = client.query({ text, values, ...queryTimeout(context.remainingMs()) });
      return await untilAborted(sink, answer, context.signal);
    } catch (error) {
      const told = classify(sink, error);
      if (!isConnectionGood(error)) broken = told;
      throw told;
    }
  };
  try {
    return await use({ query });
  } finally {
    client.release(broken);
    client.removeListener?.("error", noteLoss);
  }
};

/** Makes the pool. No connection is opened until the first query. */
export const openPool = async (settings: PoolSettings): Promise<PostgresPool> => {
  const { Pool } = await import("pg").catch(missingDependency('option "connection"', "pg"));
  const pool = new Pool({ ...settings });
  // Without a listener the loss of an idle connection ends the process. The pool drops that connection by itself.
  pool.on("error", () => undefined);
  // Nor does the pool listen while it hands a connection over: a server that ends just then would end the process, too.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
};
