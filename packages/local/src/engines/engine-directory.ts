// The folders of engines: a temporary folder for each server, and a cache for downloads.

import { randomUUID } from "node:crypto";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "./program.ts";

/** The timeout is long because a folder may have to be copied to a slow disk. */
const moveTimeoutMs = 300_000;

/** Path of a file or folder in the user's cache, which may not exist yet. All checkouts share the cached downloads. */
export const inCache = (name: string): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sluice", name);

/** Removes the folder of an engine that has ended. */
export const removeDirectory = (directory: string): Promise<void> =>
  rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });

/** Whether the file or folder exists. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Moves a folder into the cache, as a whole. Another process may have moved its own folder there first. */
export const storeInCache = async (directory: string, cached: string): Promise<void> => {
  await mkdir(dirname(cached), { recursive: true });
  // The cache may be on another file system, between which `rename` does not work. So `mv` copies beside the target.
  const partial = `${cached}.${randomUUID()}`;
  await run("mv", [directory, partial], { timeout: moveTimeoutMs });
  await rename(partial, cached).catch(async (error: unknown) => {
    await removeDirectory(partial);
    if (!(await exists(cached))) throw error;
  });
};

/** Starts an engine with a new temporary folder. Removes the folder if the start fails. */
export const inNewDirectory = async <Engine>(
  engine: string,
  start: (directory: string) => Promise<Engine>,
): Promise<Engine> => {
  const directory = await mkdtemp(join(tmpdir(), `sluice-${engine}-`));
  try {
    return await start(directory);
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  }
};
