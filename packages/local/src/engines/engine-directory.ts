// The folders of engines: a temporary folder for each server, and a cache for downloads.

import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** Path of a file or folder in the user's cache, which may not exist yet. All checkouts share the cached downloads. */
export const inCache = (name: string): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sluice", name);

/** Removes the folder of an engine that has ended. */
export const removeDirectory = (directory: string): Promise<void> =>
  rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });

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
