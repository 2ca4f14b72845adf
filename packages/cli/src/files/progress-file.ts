// The progress of a redrive from a file: which of its lines are done, in a file beside it. A first line names the
// content that it is about, so that it is never taken for the progress of another file of that name.

import { type FileHandle, open, readFile } from "node:fs/promises";
import { CommandError } from "../command-line/command-error.ts";

/** The lines of a file that are done. */
export interface DoneFile {
  readonly path: string;
  /** Line numbers, from 1. */
  readonly done: ReadonlySet<number>;
  /** Notes lines, and resolves when they are on the disk. */
  readonly note: (lines: readonly number[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

const headOf = (digest: string): string => `sluice redrive, lines done of sha256:${digest}`;

const textAt = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
};

/** Whole lines only: a crash may have cut off the last, and half a number is another one. */
const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf("\n") + 1);

/**
 * The progress of the file with this digest. Nothing is written before the first note.
 * @throws {CommandError} when what is beside the file is another file's progress
 */
export const openDoneFile = async (file: string, digest: string): Promise<DoneFile> => {
  const path = `${file}.done`;
  const whole = wholeLines(await textAt(path));
  const [head = "", ...lines] = whole.split("\n");
  if (head !== "" && head !== headOf(digest)) {
    throw new CommandError(`${path} is the progress of another content of ${file}; remove it to begin anew`);
  }
  let handle: FileHandle | undefined;
  return {
    path,
    done: new Set(lines.filter((line) => line !== "").map(Number)),
    note: async (numbers) => {
      if (handle === undefined) {
        handle = await open(path, "a", 0o600);
        await handle.truncate(Buffer.byteLength(whole));
        if (head === "") await handle.appendFile(`${headOf(digest)}\n`);
      }
      await handle.appendFile(numbers.map((number) => `${number}\n`).join(""));
      await handle.datasync();
    },
    close: async () => handle?.close(),
  };
};
