// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { type Change, ConfigError, type KeyValue } from "@sluice/core/sink-kit";
import type { PostgresPool } from "./client/pool.ts";
import { type ColumnMap, type DeclaredColumn, declareColumns } from "./schema/columns.ts";
import { type Guard, maxTableBytes, type Relations, relationsOf } from "./schema/relations.ts";

/** Certificates for TLS, as Node's `tls.connect` takes them. The server's certificate is always verified. */
export interface PostgresTls {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name in the certificate, where `host` is an address: a tunnel. pg takes the name of `host` otherwise. */
  readonly servername?: string;
}

/** How to reach the server, for a pool that the sink makes with the package pg. Names are pg's. */
export interface PostgresConnection {
  /** `postgresql://user@host:5432/database`. Either this or `host`. */
  readonly connectionString?: string;
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  /** A function is asked for each new connection: IAM tokens, rotated secrets. */
  readonly password?: string | (() => string | Promise<string>);
  /** Default: TLS with the certificate verified, except to this machine. */
  readonly ssl?: boolean | PostgresTls;
  /** Connections at most. A write takes one. Default 2. */
  readonly max?: number;
  /** Default 5,000. */
  readonly connectionTimeoutMillis?: number;
  /** Idle connections are closed after this, also where the environment was frozen meanwhile. Default 60,000. */
  readonly idleTimeoutMillis?: number;
  /** Connections are replaced after this, so that a failover or a rotated secret takes hold. Default 600. */
  readonly maxLifetimeSeconds?: number;
  /** Default `sluice`. */
  readonly application_name?: string;
}

/**
 * Which key attributes fill the columns of the table's key: names that column and attribute share, attribute by column,
 * or a function of the item's keys.
 */
export type KeyMap =
  | readonly string[]
  | { readonly [column: string]: string }
  | ((keys: Change["keys"]) => { readonly [column: string]: KeyValue });

/** Options of `postgres`. */
export interface PostgresSinkOptions {
  /** Your own `pg.Pool`. Either this or `connection`. The sink never ends it. */
  readonly pool?: PostgresPool;
  /** For a pool that the sink makes and ends. */
  readonly connection?: PostgresConnection;
  /** The table to write; under the inline guard, the view that shows the live items. */
  readonly table: string;
  /** Default: the first schema of the connection's search path that holds the table. */
  readonly schema?: string;
  /** Default: the columns of the primary key, each from the key attribute of the same name. */
  readonly key?: KeyMap;
  /**
   * As a list: the columns that rows carry. As an object: where each column comes from, and its type; the sink
   * then brings its own mapping. Default: the table's columns, without generated ones and those with a default.
   */
  readonly columns?: readonly string[] | ColumnMap;
  /** Where versions are kept. Default `ledger`: a side table, and rows are really deleted. */
  readonly guard?: Guard;
  /** For logs, metrics and dead letters. Default `postgres`. */
  readonly name?: string;
}

/** What the sink passes to pg's `Pool`. */
export interface PoolSettings extends Omit<PostgresConnection, "ssl"> {
  // pg wants mutable arrays and Buffers here, and takes what Node's tls takes.
  readonly ssl: boolean | { ca?: string; cert?: string; key?: string; servername?: string };
  readonly keepAlive: boolean;
  readonly allowExitOnIdle: boolean;
}

/** Where a write's connection comes from. */
export type PoolSource = { readonly pool: PostgresPool } | { readonly settings: PoolSettings };

/** Options after validation. */
export interface Settings {
  readonly name: string;
  readonly table: string;
  readonly relations: Relations;
  readonly source: PoolSource;
  readonly key: KeyMap | undefined;
  /** Columns that rows carry, where they are listed. */
  readonly listed: readonly string[] | undefined;
  /** Columns with their attribute paths, where they are declared. */
  readonly declared: readonly DeclaredColumn[] | undefined;
}

const invalid = (option: string, expectation: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}" ${expectation}`);

const checkText = (option: string, value: unknown): void => {
  if (typeof value !== "string" || value === "" || value.includes("\0"))
    throw invalid(option, "must be a non-empty string");
};

const checkTable = (table: unknown, guard: Guard): void => {
  checkText("table", table);
  const bytes = Buffer.byteLength(String(table));
  if (bytes > maxTableBytes(guard)) {
    throw invalid(
      "table",
      `is ${bytes} bytes; the limit with guard "${guard}" is ${maxTableBytes(guard)}, of Postgres' 63`,
    );
  }
};

const isFunction = (value: unknown): boolean => typeof value === "function";
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const checkKey = (key: unknown): void => {
  if (key === undefined || isFunction(key)) return;
  const names = Array.isArray(key) ? key : isRecord(key) ? Object.entries(key).flat() : [];
  if (names.length === 0 || names.some((name) => typeof name !== "string" || name === "")) {
    throw invalid("key", "must be a list of columns, an object of column to key attribute, or a function");
  }
};

const checkPositive = (option: string, value: unknown): void => {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
    throw invalid(option, "must be a number of 0 or more");
};

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\]|\/.*)$/;

/** Parameters with which pg would not verify the server: what stands in the string wins over option `ssl`. */
const weakensTls = ({ sslmode = "", ssl = "true", uselibpqcompat }: Readonly<Record<string, string>>): boolean =>
  /^(no-verify|disable|allow|prefer)$/.test(sslmode) ||
  !/^(true|1)$/.test(ssl) ||
  (uselibpqcompat !== undefined && sslmode !== "" && sslmode !== "verify-full");

/** The host as pg reads it: a parameter of that name wins, and the last of several. */
const hostOf = ({ connectionString, host }: PostgresConnection): string => {
  if (connectionString === undefined) return host ?? "";
  const url = URL.canParse(connectionString) ? new URL(connectionString) : undefined;
  if (url === undefined) throw invalid("connection.connectionString", "must be a URL: postgresql://user@host/database");
  const parameters: Readonly<Record<string, string>> = Object.fromEntries(url.searchParams);
  const found = parameters.host || decodeURIComponent(url.hostname);
  if (weakensTls(parameters) && !loopback.test(found)) {
    throw invalid(
      "connection.connectionString",
      "has an sslmode, ssl or uselibpqcompat that does not verify the server; give ssl.ca, or a pool of your own",
    );
  }
  return found;
};

const checkConnection = (connection: PostgresConnection): void => {
  if (!isRecord(connection)) throw invalid("connection", "must be an object");
  if ((connection.host === undefined) === (connection.connectionString === undefined)) {
    throw invalid("connection", 'must have either "host" or "connectionString"');
  }
  checkText(
    connection.host === undefined ? "connection.connectionString" : "connection.host",
    connection.host ?? connection.connectionString,
  );
  for (const option of ["port", "max", "connectionTimeoutMillis", "idleTimeoutMillis", "maxLifetimeSeconds"] as const) {
    checkPositive(`connection.${option}`, connection[option]);
  }
  if (
    isRecord(connection.ssl) &&
    (connection.ssl.rejectUnauthorized === false || "checkServerIdentity" in connection.ssl)
  ) {
    throw invalid("connection.ssl", "must not switch verification off; give the authority's certificate as ssl.ca");
  }
};

/** Defaults for an environment that is frozen between invocations: few connections, none kept for long. */
const poolSettings = (connection: PostgresConnection): PoolSettings => {
  checkConnection(connection);
  const isLocal = loopback.test(hostOf(connection));
  const { ssl = !isLocal, ...rest } = connection;
  if (ssl === false && !isLocal) throw invalid("connection.ssl", "must not be false except to this machine");
  return {
    max: 2,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    maxLifetimeSeconds: 600,
    application_name: "sluice",
    ...rest,
    ssl: ssl as PoolSettings["ssl"],
    keepAlive: true,
    allowExitOnIdle: true,
  };
};

const sourceOf = ({ pool, connection }: PostgresSinkOptions): PoolSource => {
  if ((pool === undefined) === (connection === undefined))
    throw invalid("pool", 'or option "connection" must be given, and not both');
  if (connection !== undefined) return { settings: Object.freeze(poolSettings(connection)) };
  if (pool === undefined || !isFunction(pool.connect)) throw invalid("pool", "must be a pool of the package pg");
  return { pool };
};

const listedColumns = (columns: readonly string[]): readonly string[] => {
  for (const column of columns) checkText("columns", column);
  return Object.freeze([...columns]);
};

const isList = (columns: readonly string[] | ColumnMap): columns is readonly string[] => Array.isArray(columns);

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = (options: PostgresSinkOptions): Settings => {
  const { table, schema, key, columns, guard = "ledger", name = "postgres" } = options;
  if (guard !== "ledger" && guard !== "inline") throw invalid("guard", 'must be "ledger" or "inline"');
  checkTable(table, guard);
  if (schema !== undefined) checkText("schema", schema);
  checkText("name", name);
  checkKey(key);
  if (columns !== undefined && typeof columns !== "object") throw invalid("columns", "must be a list or an object");
  return Object.freeze({
    name,
    table,
    relations: relationsOf(guard, table, schema),
    source: sourceOf(options),
    key: isFunction(key) ? key : Array.isArray(key) ? Object.freeze([...key]) : key && Object.freeze({ ...key }),
    listed: columns !== undefined && isList(columns) ? listedColumns(columns) : undefined,
    declared: columns === undefined || isList(columns) ? undefined : Object.freeze(declareColumns(columns)),
  });
};
