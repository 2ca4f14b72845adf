// Access to the file system.

import { type FileHandle, open } from "node:fs/promises";

/** A file to which whole lines are appended. */
export interface LineFile {
  /** Appends the text. Resolves when the text is stored on disk. */
  readonly append: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const newline = "\n".charCodeAt(0);

/** Whether the last line is incomplete, as after a crash during a write. */
const isIncomplete = async (file: FileHandle): Promise<boolean> => {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== newline;
};

/** Opens or creates the file. Adds a line feed if the last line is incomplete. @throws errors of `node:fs`. */
export const openLineFile = async (path: string): Promise<LineFile> => {
  const file = await open(path, "a+");
  if (await isIncomplete(file)) await file.appendFile("\n");
  return {
    append: async (text) => {
      await file.appendFile(text);
      await file.datasync(); // a network file system may acknowledge writes before it stores them
    },
    close: () => file.close(),
  };
};
