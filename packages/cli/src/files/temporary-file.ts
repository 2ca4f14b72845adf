// Texts that wait for their turn, in a temporary file: a queue may hold more than memory does.

import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where a text stands in the spool. */
export interface SpoolPlace {
  readonly offset: number;
  readonly bytes: number;
}

export interface Spool {
  readonly add: (text: string) => Promise<SpoolPlace>;
  readonly read: (place: SpoolPlace) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Opens an empty spool. The texts hold items, so only this user may read them, and nothing is left by a crash. */
export const openSpool = async (): Promise<Spool> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-"));
  const file = await open(join(folder, "spool"), "wx+", 0o600);
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  // An open file lives on without its name; Windows keeps the name.
  if (process.platform !== "win32") await removeFolder();
  let end = 0;
  return {
    add: async (text) => {
      const bytes = Buffer.from(text);
      const place = { offset: end, bytes: bytes.length };
      end += bytes.length;
      await file.appendFile(bytes);
      return place;
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
