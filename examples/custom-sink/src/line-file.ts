// Access to the file system.

import { type FileHandle, open } from "node:fs/promises";

/** A file to which a sink appends complete lines. */
export interface LineFile {
  /** Appends the text. Resolves as soon as the text is on disk. */
  readonly append: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const newline = "\n".charCodeAt(0);

/** Returns true if the file ends with an incomplete line, for example after a crash during a write. */
const isIncomplete = async (file: FileHandle): Promise<boolean> => {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== newline;
};

/** Opens or creates the file. If the last line is incomplete, adds a line feed. @throws errors of `node:fs` */
export const openLineFile = async (path: string): Promise<LineFile> => {
  const file = await open(path, "a+");
  if (await isIncomplete(file)) await file.appendFile("\n");
  return {
    append: async (text) => {
      await file.appendFile(text);
      await file.datasync(); // otherwise a network file system may acknowledge text that is not stored yet
    },
    close: () => file.close(),
  };
};
