// The part of pg's pool that the sink uses, and the pool that the sink creates from its options.

import { missingDependency } from "@sluice/core/sink-kit";
import type { PoolSettings } from "./connection.ts";

/** A query in pg's format. It has no name, so that RDS Proxy can share the connection. */
export interface PostgresQuery {
  readonly text: string;
  readonly values: unknown[];
  /** Milliseconds after which pg stops waiting for the answer. */
  readonly query_timeout?: number;
}

/** The answer to a query. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
}

/** The part of pg's `PoolClient` that the sink uses. */
export interface PostgresClient {
  readonly query: (query: PostgresQuery) => Promise<PostgresResult>;
  /** If called with an error, the pool closes the connection instead of using it again. */
  readonly release: (error?: Error) => void;
  readonly on?: (event: "error", listener: (error: Error) => void) => unknown;
  readonly removeListener?: (event: "error", listener: (error: Error) => void) => unknown;
}

/** The part of pg's `Pool` that the sink uses. You can pass your own pool unchanged. */
export interface PostgresPool {
  readonly connect: () => Promise<PostgresClient>;
  readonly end: () => Promise<void>;
}

/** Creates the pool, which connects at its first query. */
export const openPool = async (settings: PoolSettings): Promise<PostgresPool> => {
  const { Pool } = await import("pg").catch(missingDependency('option "connection"', "pg"));
  const pool = new Pool({ ...settings });
  // Without a listener, the loss of an idle connection would end the process. The pool itself removes that connection.
  pool.on("error", () => undefined);
  // The pool does not listen while it hands over a connection. If the server stops then, the process would end.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
};
