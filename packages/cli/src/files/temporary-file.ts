// Stores texts in a temporary file, because all messages of a queue together may exceed the memory.

import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Position of a text in the file. */
export interface TextPosition {
  readonly offset: number;
  readonly bytes: number;
}

/** A file to which texts are added, and from which they are read by position. */
export interface TemporaryFile {
  readonly add: (text: string) => Promise<TextPosition>;
  readonly read: (position: TextPosition) => Promise<string>;
  /** Deletes the file. */
  readonly close: () => Promise<void>;
}

/** Opens an empty file. Only this user can read the file, because its texts contain items. */
export const openTemporaryFile = async (): Promise<TemporaryFile> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-"));
  const file = await open(join(folder, "messages"), "wx+", 0o600);
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  // The folder is removed now, so that a crash leaves no file. The open file stays readable, except on Windows.
  if (process.platform !== "win32") await removeFolder();
  let end = 0;
  return {
    add: async (text) => {
      const bytes = Buffer.from(text);
      const position = { offset: end, bytes: bytes.length };
      end += bytes.length;
      await file.appendFile(bytes);
      return position;
    },
    read: async ({ offset, bytes }) => {
      const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
      return buffer.toString();
    },
    close: async () => {
      await file.close();
      await removeFolder();
    },
  };
};
