// The temporary folder of an engine.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildEngine } from "./child-engine.ts";

/** Removes the folder of an engine that has ended. */
export const removeDirectory = (directory: string): Promise<void> =>
  rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });

/** Starts an engine with a new temporary folder, which is removed when the start fails. */
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

/** The `stop` of an engine in a folder: it ends the child and removes the folder. */
export const stopIn = (directory: string, child: ChildEngine) => async (): Promise<void> => {
  await child.end("SIGTERM");
  await removeDirectory(directory);
};
