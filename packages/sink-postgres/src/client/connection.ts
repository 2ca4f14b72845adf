// Options for connecting to Postgres, and their checks. The sink creates its pool from these options.

import {
  checkEither,
  checkText,
  checkTls,
  checkWhole,
  invalidOption,
  isLoopbackHost,
  isRecord,
  type TlsOptions,
} from "@sluice/core/sink-kit";

/** Options of the pool that the sink creates by the package `pg`. They have the same names as in `pg`. */
export interface PostgresConnection {
  /** `postgresql://user@host:5432/database`. Set `connectionString` or `host`. */
  readonly connectionString?: string;
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  /** For IAM tokens and rotated secrets, set a function. It is called for each new connection. */
  readonly password?: string | (() => string | Promise<string>);
  /** Default: TLS with a verified certificate, or no TLS if the server runs on this machine. */
  readonly ssl?: boolean | TlsOptions;
  /** Maximum number of connections in the pool. A write uses one connection. Default 2. */
  readonly max?: number;
  /** Timeout for opening a connection, in milliseconds. Default 5,000, or option `timeoutMs` if that is less. */
  readonly connectionTimeoutMillis?: number;
  /** Milliseconds after which an idle connection is closed. Time while Lambda is frozen counts. Default 60,000. */
  readonly idleTimeoutMillis?: number;
  /** Seconds after which a connection is replaced, so that a failover or a rotated secret takes effect. Default 600. */
  readonly maxLifetimeSeconds?: number;
  /** Name of the connection in `pg_stat_activity`. Default `sluice`. */
  readonly application_name?: string;
}

/** The options that the sink passes to pg's `Pool`. */
export interface PoolSettings extends Omit<PostgresConnection, "ssl"> {
  // pg's types allow fewer values than its code. The code accepts every value that Node's `tls` accepts.
  readonly ssl: boolean | { ca?: string; cert?: string; key?: string; servername?: string };
  readonly keepAlive: boolean;
  readonly allowExitOnIdle: boolean;
}

const numbers = ["port", "max", "connectionTimeoutMillis", "idleTimeoutMillis", "maxLifetimeSeconds"] as const;

/** Whether the server runs on this machine. If `host` is a path, it is the folder of a Unix socket. */
const isLocalServer = (host: string): boolean => isLoopbackHost(host) || host.startsWith("/");

/** Whether the URL's parameters switch off TLS or the check of the certificate. They override pg's option `ssl`. */
const weakensTls = ({ sslmode = "", ssl = "true", uselibpqcompat }: Readonly<Record<string, string>>): boolean =>
  /^(no-verify|disable|allow|prefer)$/.test(sslmode) ||
  !/^(true|1)$/.test(ssl) ||
  (uselibpqcompat !== undefined && sslmode !== "" && sslmode !== "verify-full");

/** Returns the host that pg uses. In pg, the URL's last parameter `host` overrides the host in the URL itself. */
const hostOf = ({ connectionString, host }: PostgresConnection): string => {
  if (connectionString === undefined) return host ?? "";
  const option = "connection.connectionString";
  const url = URL.canParse(connectionString) ? new URL(connectionString) : undefined;
  if (url === undefined) throw invalidOption(option, "must be a URL: postgresql://user@host/database");
  const parameters: Readonly<Record<string, string>> = Object.fromEntries(url.searchParams);
  const found = parameters.host || decodeURIComponent(url.hostname);
  if (weakensTls(parameters) && !isLocalServer(found)) {
    const problem = "has an sslmode, ssl or uselibpqcompat that does not verify the server";
    throw invalidOption(option, `${problem}; give ssl.ca, or a pool of your own`);
  }
  return found;
};

const checkConnection = (connection: PostgresConnection): void => {
  if (!isRecord(connection)) throw invalidOption("connection", "must be an object");
  const { host, connectionString, ssl } = connection;
  checkEither({ "connection.host": host, "connection.connectionString": connectionString });
  if (host !== undefined) checkText("connection.host", host);
  else checkText("connection.connectionString", connectionString);
  for (const option of numbers) {
    if (connection[option] !== undefined) {
      checkWhole(`connection.${option}`, connection[option], [0, Number.POSITIVE_INFINITY]);
    }
  }
  if (typeof ssl !== "boolean") checkTls("connection.ssl", ssl);
};

/** Checks the options and fills in defaults. The defaults suit Lambda: few and short-lived connections. */
export const poolSettings = (connection: PostgresConnection, timeoutMs: number): PoolSettings => {
  checkConnection(connection);
  const isLocal = isLocalServer(hostOf(connection));
  const { ssl = !isLocal, ...rest } = connection;
  if (ssl === false && !isLocal) throw invalidOption("connection.ssl", "must not be false except to this machine");
  return Object.freeze({
    max: 2,
    connectionTimeoutMillis: Math.min(5_000, timeoutMs),
    idleTimeoutMillis: 60_000,
    maxLifetimeSeconds: 600,
    application_name: "sluice",
    ...rest,
    ssl: ssl as PoolSettings["ssl"],
    keepAlive: true,
    allowExitOnIdle: true,
  });
};
