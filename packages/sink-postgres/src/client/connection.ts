// Options for connecting to Postgres, and their checks. The sink creates its pool from these options.

import {
  checkEither,
  checkOptionNames,
  checkText,
  checkTls,
  checkWhole,
  invalidOption,
  isLoopbackHost,
  isRecord,
  type OptionNames,
  type TlsOptions,
} from "@sluice/core/sink-kit";

/** Options of the pool that the sink creates by the package `pg`. They have the same names as in `pg`. */
export interface PostgresConnection {
  /**
   * `postgresql://user@host:5432/database`. Set `connectionString` or `host`. If its password is rotated, set a function.
   * It is called for each new pool: at the first write, and after the server refused the user or the password.
   */
  readonly connectionString?: string | (() => string | Promise<string>);
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  /**
   * For IAM tokens and rotated secrets, set a function. It is called for each new connection. It replaces a password in
   * `connectionString`.
   */
  readonly password?: string | (() => string | Promise<string>);
  /** Default: TLS with a verified certificate, or no TLS if the server runs on this machine. */
  readonly ssl?: boolean | TlsOptions;
  /** Maximum number of connections in the pool. A large batch uses two at once (option `splitFrom`). Default 2. */
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

/** A connection whose connection string, if it has one, is known. */
type KnownConnection = Omit<PostgresConnection, "connectionString"> & { readonly connectionString?: string };

/** The options that the sink passes to pg's `Pool`. */
export interface PoolSettings extends Omit<KnownConnection, "ssl"> {
  // pg's types allow fewer values than its code. The code accepts every value that Node's `tls` accepts.
  readonly ssl: false | { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized: true };
  readonly keepAlive: boolean;
  readonly allowExitOnIdle: boolean;
}

const optionNames: OptionNames<PostgresConnection> = {
  connectionString: true,
  host: true,
  port: true,
  database: true,
  user: true,
  password: true,
  ssl: true,
  max: true,
  connectionTimeoutMillis: true,
  idleTimeoutMillis: true,
  maxLifetimeSeconds: true,
  application_name: true,
};

const numbers = ["port", "max", "connectionTimeoutMillis", "idleTimeoutMillis", "maxLifetimeSeconds"] as const;

/** Whether the server runs on this machine. If `host` is a path, it is the folder of a Unix socket. */
const isLocalServer = (host: string): boolean => isLoopbackHost(host) || host.startsWith("/");

/** Whether the URL's parameters switch off TLS or the check of the certificate. They override pg's option `ssl`. */
const weakensTls = ({ sslmode = "", ssl = "true", uselibpqcompat }: Readonly<Record<string, string>>): boolean =>
  /^(no-verify|disable|allow|prefer)$/.test(sslmode) ||
  !/^(true|1)$/.test(ssl) ||
  (uselibpqcompat !== undefined && sslmode !== "" && sslmode !== "verify-full");

/** What a connection string says about the server and about TLS. */
interface Address {
  readonly host: string;
  /** Whether the string asks for TLS. */
  readonly asksTls: boolean;
  /** The string for pg: without what the options decide, because in pg the string overrides the options. */
  readonly connectionString?: string;
}

/** The string's password may be old when the option `password` is a function; and its TLS could switch verification off. */
const withoutOverrides = (url: URL, { password }: KnownConnection): string => {
  const copy = new URL(url);
  if (password !== undefined) copy.password = "";
  for (const name of ["sslmode", "ssl", "uselibpqcompat"]) copy.searchParams.delete(name);
  return copy.href;
};

const certificateFiles = ["sslrootcert", "sslcert", "sslkey"];

/** pg would make TLS options of these files, without a demand for verification. */
const checkFiles = (parameters: Readonly<Record<string, string>>): void => {
  const file = certificateFiles.find((name) => name in parameters);
  if (file === undefined || process.env.NODE_TLS_REJECT_UNAUTHORIZED !== "0") return;
  throw invalidOption(
    "connection.connectionString",
    `has ${file}, which NODE_TLS_REJECT_UNAUTHORIZED=0 makes useless; give ssl.ca, or unset the variable`,
  );
};

/** Returns the address that pg uses. In pg, the URL's last parameter `host` overrides the host in the URL itself. */
const addressOf = (connection: KnownConnection): Address => {
  const { connectionString, host } = connection;
  if (connectionString === undefined) return { host: host ?? "", asksTls: false };
  const option = "connection.connectionString";
  const url = URL.canParse(connectionString) ? new URL(connectionString) : undefined;
  if (url === undefined) throw invalidOption(option, "must be a URL: postgresql://user@host/database");
  const parameters: Readonly<Record<string, string>> = Object.fromEntries(url.searchParams);
  const found = parameters.host || decodeURIComponent(url.hostname);
  if (weakensTls(parameters) && !isLocalServer(found)) {
    const problem = "has an sslmode, ssl or uselibpqcompat that does not verify the server";
    throw invalidOption(option, `${problem}; give ssl.ca, or a pool of your own`);
  }
  if (weakensTls(parameters)) return { host: found, asksTls: false, connectionString };
  checkFiles(parameters);
  const asksTls = "sslmode" in parameters || "ssl" in parameters;
  return { host: found, asksTls, connectionString: withoutOverrides(url, connection) };
};

const checkConnection = (connection: PostgresConnection): void => {
  if (!isRecord(connection)) throw invalidOption("connection", "must be an object");
  checkOptionNames<PostgresConnection>("option connection", connection, optionNames);
  const { host, connectionString, ssl } = connection;
  checkEither({ "connection.host": host, "connection.connectionString": connectionString });
  if (host !== undefined) checkText("connection.host", host);
  else if (typeof connectionString !== "function") checkText("connection.connectionString", connectionString);
  for (const option of numbers) {
    if (connection[option] !== undefined) {
      checkWhole(`connection.${option}`, connection[option], [0, Number.POSITIVE_INFINITY]);
    }
  }
  if (typeof ssl !== "boolean") checkTls("connection.ssl", ssl);
};

/** Checks the options and fills in defaults. The defaults suit Lambda: few and short-lived connections. */
export const poolSettings = (connection: KnownConnection, timeoutMs: number): PoolSettings => {
  checkConnection(connection);
  const { host, asksTls, connectionString } = addressOf(connection);
  const isLocal = isLocalServer(host);
  const { ssl = asksTls || !isLocal, ...rest } = connection;
  if (ssl === false && !isLocal) throw invalidOption("connection.ssl", "must not be false except to this machine");
  return Object.freeze({
    max: 2,
    connectionTimeoutMillis: Math.min(5_000, timeoutMs),
    idleTimeoutMillis: 60_000,
    maxLifetimeSeconds: 600,
    application_name: "sluice",
    ...rest,
    ...(connectionString !== undefined && { connectionString }),
    // Without the member, the environment variable NODE_TLS_REJECT_UNAUTHORIZED would decide.
    ssl: ssl === false ? false : ({ ...(ssl !== true && ssl), rejectUnauthorized: true } as PoolSettings["ssl"]),
    keepAlive: true,
    allowExitOnIdle: true,
  });
};

/** The settings, or the function that reads the connection string and then returns them. */
export type SettingsSource =
  | { readonly settings: PoolSettings }
  | { readonly readSettings: () => Promise<PoolSettings>; readonly origin: object };

/** Checks all options that are known, and finds out whether the connection string must be read later. */
export const settingsSource = (connection: PostgresConnection, timeoutMs: number): SettingsSource => {
  checkConnection(connection);
  const { connectionString: read, ...rest } = connection;
  if (typeof read !== "function") return { settings: poolSettings(connection as KnownConnection, timeoutMs) };
  return {
    origin: read,
    readSettings: async () => poolSettings({ ...rest, connectionString: await read() }, timeoutMs),
  };
};
