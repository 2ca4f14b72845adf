// Keeps the state of a run in a file. A second file, the lock, names the process that works on the run.

import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { type RunState, RunStateError } from "./run-state.ts";
import { type RunStore, RunTakenError, takenBy } from "./run-store.ts";
import { stateIn, stateText } from "./state-text.ts";

const textAt = (path: string): Promise<string | undefined> =>
  readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new RunStateError(`${path} cannot be read: ${error.code}; expected the file of a run, or no file`, {
      cause: error,
    });
  });

/** Whether a process of this machine exists. EPERM: it exists, and belongs to another user. */
const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** The text of the lock: the process, its machine, and a text that no other process has. */
const lockText = (): string => `${process.pid} ${hostname()} ${randomUUID()}\n`;

const checkStale = (path: string, text: string): void => {
  const [pid = "", host = ""] = text.split(" ");
  if (host === "") {
    throw new RunTakenError(
      `${path} names no process; expected a process that works on this run: if none does, delete ${path}`,
    );
  }
  const isOther = host !== hostname();
  if (!isOther && !isRunning(Number(pid))) return;
  const remedy = isOther
    ? `; if that process has ended, delete ${path}`
    : `; wait for its end, or, if it is another program, delete ${path}`;
  throw new RunTakenError(`process ${pid} on ${host} works on this run${remedy}`);
};

const createLock = async (path: string, text: string): Promise<boolean> => {
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
};

/** Creates the lock. Takes it over from a process that has ended. */
const lock = async (path: string, text: string): Promise<void> => {
  if (await createLock(path, text)) return;
  checkStale(path, (await textAt(path)) ?? "");
  await rm(path, { force: true });
  if (await createLock(path, text)) return;
  throw new RunTakenError(`another process has just taken this run; ${path} names it`);
};

/** Replaces a file by rename, so that a reader or a crash never sees half of it. */
const replace = async (path: string, text: string): Promise<void> => {
  const draft = `${path}.new`;
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
};

/** Keeps the state of a run in the file at `path`. Creates the folder with the first save. */
export const fileStore = ({ path, run }: { readonly path: string; readonly run: string }): RunStore => {
  const lockPath = `${path}.lock`;
  const own = lockText();
  let isOpen = false;
  return {
    place: path,
    open: async () => {
      await mkdir(dirname(path), { recursive: true });
      await lock(lockPath, own);
      isOpen = true;
      const text = await textAt(path);
      return text === undefined ? undefined : stateIn(text, run, path);
    },
    save: async (state: RunState) => {
      if ((await textAt(lockPath)) !== own) throw takenBy(lockPath);
      await replace(path, stateText(state));
    },
    close: async () => {
      if (isOpen && (await textAt(lockPath)) === own) await rm(lockPath, { force: true });
      isOpen = false;
    },
  };
};
