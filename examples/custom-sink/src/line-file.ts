// The only file that talks to the file system.

import { type FileHandle, open } from "node:fs/promises";

/** A file that text is added to, whole lines at a time. */
export interface LineFile {
  /** Adds the text; fulfilled when it is stored, not when it is buffered. */
  readonly append: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const newline = "\n".charCodeAt(0);

/** Whether the file ends within a line, as it does after a crash in the middle of a write. */
const isTorn = async (file: FileHandle): Promise<boolean> => {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== newline;
};

/** Opens or creates the file, and ends the line that a crash left torn. @throws errors of `node:fs`. */
export const openLineFile = async (path: string): Promise<LineFile> => {
  const file = await open(path, "a+");
  if (await isTorn(file)) await file.appendFile("\n");
  return {
    append: async (text) => {
      await file.appendFile(text);
      await file.datasync(); // a network file system acknowledges writes before it has sent them
    },
    close: () => file.close(),
  };
};
