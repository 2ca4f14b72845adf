// Files of an npm package, without the packages on which that package depends. npm downloads the tarball, so that the
// user's registry, proxy, credentials and cache apply. Our own cache stores the unpacked files.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists, inCache, inNewDirectory, removeDirectory, storeInCache } from "./engine-directory.ts";
import { EngineFailedError } from "./engine-error.ts";
import { run } from "./program.ts";

/** The timeout is long because the download may have tens of megabytes. */
const downloadTimeoutMs = 300_000;

/** A folder of a package. */
export interface NpmFolder {
  readonly name: string;
  readonly version: string;
  /** The SHA-512 of the tarball, as in `dist.integrity` of the registry: `sha512-…`. */
  readonly integrity: string;
  /** Path of the folder in the package. */
  readonly folder: string;
}

/** Runs npm. The NODE_OPTIONS of this process, such as a debugger's port, are not meant for npm. */
const npm = async (args: readonly string[]): Promise<string> => {
  try {
    const env = { ...process.env, NODE_OPTIONS: "" };
    const { stdout } = await run("npm", args, { timeout: downloadTimeoutMs, env });
    return stdout;
  } catch (cause) {
    const { stderr = "", message } = cause as Error & { readonly stderr?: string };
    const said = stderr.split("\n").filter((line) => line.startsWith("npm error"));
    const reason = said.length > 0 ? said.slice(0, 2).join(", ") : message;
    throw new EngineFailedError(`npm pack failed: ${reason.replaceAll("npm error ", "")}`, { cause });
  }
};

/** Downloads the tarball into the folder and returns the path of the tarball. */
const download = async ({ name, version, integrity }: NpmFolder, directory: string): Promise<string> => {
  const flags = ["--prefer-offline", "--ignore-scripts", "--json", "--loglevel=error", "--pack-destination", directory];
  const [{ filename }] = JSON.parse(await npm(["pack", `${name}@${version}`, ...flags])) as [{ filename: string }];
  const tarball = join(directory, filename);
  const found = `sha512-${createHash("sha512")
    .update(await readFile(tarball))
    .digest("base64")}`;
  if (found === integrity) return tarball;
  throw new EngineFailedError(`npm downloaded ${name}@${version} with the checksum ${found}; expected ${integrity}`);
};

/**
 * Returns the path of the folder in our cache. If the folder is not there, calls `onDownload` with this path, and
 * downloads the package. Rejects when npm or `tar` fails, or the tarball has another checksum.
 */
export const npmFolder = async (wanted: NpmFolder, onDownload: (into: string) => void): Promise<string> => {
  const cached = inCache(`${wanted.name}-${wanted.version}`);
  if (await exists(cached)) return cached;
  onDownload(cached);
  return inNewDirectory("npm", async (directory) => {
    const tarball = await download(wanted, directory);
    await run("tar", ["-xzf", tarball, "-C", directory, `package/${wanted.folder}`], { timeout: downloadTimeoutMs });
    await storeInCache(join(directory, "package", wanted.folder), cached);
    await removeDirectory(directory);
    return cached;
  });
};
