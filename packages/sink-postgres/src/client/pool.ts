// The interface of pg's pool, and the function that creates a pool from the sink's options.

import { missingDependency } from "@sluice/core/sink-kit";
import type { PoolSettings } from "./connection.ts";

/** A query in pg's format. It has no `name`, because RDS Proxy cannot share a connection with named statements. */
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
  /** Gives the connection back to the pool. With an error, the pool closes the connection. */
  readonly release: (error?: Error) => void;
  readonly on?: (event: "error", listener: (error: Error) => void) => unknown;
  readonly removeListener?: (event: "error", listener: (error: Error) => void) => unknown;
}

/** The part of pg's `Pool` that the sink uses. You can pass your own pool unchanged. */
export interface PostgresPool {
  readonly connect: () => Promise<PostgresClient>;
  readonly end: () => Promise<void>;
  /** The settings of the pool, and the numbers of its connections. Without them, the sink uses one connection. */
  readonly options?: { readonly max?: number };
  readonly totalCount?: number;
  readonly idleCount?: number;
  readonly waitingCount?: number;
}

const importPg = () => import("pg").catch(missingDependency('option "connection"', "pg"));

/** Loads the package `pg`, so that the first write need not. */
export const loadPg = async (): Promise<void> => void (await importPg());

/** Creates the pool, which connects at its first query. */
export const openPool = async (settings: PoolSettings): Promise<PostgresPool> => {
  const { Pool } = await importPg();
  const pool = new Pool({ ...settings });
  // If an idle connection is lost, the pool removes it and emits `error`. Without a listener, the process would end.
  pool.on("error", () => undefined);
  // The pool does not listen to a connection that is in use. Without this listener, its loss would end the process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
};
