// The part of pg's pool that the sink uses, and the pool that the sink makes from its options.

import { missingDependency } from "@sluice/core/sink-kit";
import type { PoolSettings } from "./connection.ts";

/** A query as pg takes it. Without a name, so that RDS Proxy can share the connection. */
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
  /** With an error, the pool closes the connection instead of using it again. */
  readonly release: (error?: Error) => void;
  readonly on?: (event: "error", listener: (error: Error) => void) => unknown;
  readonly removeListener?: (event: "error", listener: (error: Error) => void) => unknown;
}

/** The part of pg's `Pool` that the sink uses. Your own pool fits as it is. */
export interface PostgresPool {
  readonly connect: () => Promise<PostgresClient>;
  readonly end: () => Promise<void>;
}

/** Makes the pool. The pool connects at its first query. */
export const openPool = async (settings: PoolSettings): Promise<PostgresPool> => {
  const { Pool } = await import("pg").catch(missingDependency('option "connection"', "pg"));
  const pool = new Pool({ ...settings });
  // Without a listener, the loss of an idle connection ends the process. The pool removes that connection by itself.
  pool.on("error", () => undefined);
  // The pool does not listen while it hands a connection over: a server that stops at that moment would end the process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
};
