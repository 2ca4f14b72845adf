// The progress of redriving a file. A second file, the progress file, lists the done lines. The progress file begins
// with the digest of the redriven file. If the redriven file has changed, the progress file is refused.

import { type FileHandle, open, readFile } from "node:fs/promises";
import { CommandError } from "../command-line/command-error.ts";

/** Progress of redriving a file. */
export interface ProgressFile {
  readonly path: string;
  /** Numbers of the lines that are done. The first line of the file has number 1. */
  readonly done: ReadonlySet<number>;
  /** Adds the numbers of done lines. Resolves when the numbers are on the disk. */
  readonly add: (lines: readonly number[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

const headerOf = (digest: string): string => `sluice redrive, lines done of sha256:${digest}`;

const textAt = (path: string): Promise<string> =>
  readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });

/** Removes the last line if it has no line end. A crash may have cut off the last digits of the number in this line. */
const completeLines = (text: string): string => text.slice(0, text.lastIndexOf("\n") + 1);

/**
 * Opens the progress file of the file `file`. A new progress file is created only when the first line is added.
 * @throws {CommandError} when the progress file contains another digest
 */
export const openProgressFile = async (file: string, digest: string): Promise<ProgressFile> => {
  const path = `${file}.done`;
  const before = completeLines(await textAt(path));
  const [header = "", ...lines] = before.split("\n");
  if (header !== "" && header !== headerOf(digest)) {
    throw new CommandError(
      `${path} is the progress of other content of ${file}; delete it to start from the beginning`,
    );
  }
  let handle: FileHandle | undefined;
  return {
    path,
    done: new Set(lines.filter((line) => line !== "").map(Number)),
    add: async (numbers) => {
      if (handle === undefined) {
        handle = await open(path, "a", 0o600);
        await handle.truncate(Buffer.byteLength(before));
        if (header === "") await handle.appendFile(`${headerOf(digest)}\n`);
      }
      await handle.appendFile(numbers.map((number) => `${number}\n`).join(""));
      await handle.datasync();
    },
    close: async () => handle?.close(),
  };
};
