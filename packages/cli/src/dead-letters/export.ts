// Dead letters as lines of JSON: to standard output, or to a file that must not be there yet.

import { once } from "node:events";
import { open } from "node:fs/promises";
import type { Envelope } from "@sluice/core/envelope";
import { CommandError } from "../command-line/command-error.ts";
import type { Spool, SpoolPlace } from "../files/temporary-file.ts";

/** Where lines are written to. */
export interface LineWriter {
  readonly write: (line: string) => Promise<void>;
  /** Resolves when all of it is safe. */
  readonly close: () => Promise<void>;
}

/** An envelope as a line of an export: `sluice redrive` takes it. Its record is in it, or where it should be kept. */
export const exportLine = (envelope: Envelope): string => {
  const { record: _, ...rest } = envelope;
  return JSON.stringify(envelope.recordUrl === undefined ? envelope : rest);
};

const standardOutput: LineWriter = {
  write: async (line) => {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
  },
  close: async () => undefined,
};

/**
 * A new file; without a path, standard output. The lines hold items, so only this user may read them.
 * @throws {CommandError} when there is such a file, or it cannot be written
 */
export const lineWriter = async (path: string | undefined): Promise<LineWriter> => {
  if (path === undefined) return standardOutput;
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    const found = error.code === "EEXIST" ? "is there already" : `cannot be written: ${error.message}`;
    throw new CommandError(`${path} ${found}; expected the name of a new file`, { cause: error });
  });
  return {
    write: (line) => file.appendFile(`${line}\n`),
    close: async () => {
      await file.sync();
      await file.close();
    },
  };
};

/** Copies texts from the spool. */
export const writeAll = async (places: readonly SpoolPlace[], spool: Spool, writer: LineWriter): Promise<void> => {
  try {
    for (const place of places) await writer.write(await spool.read(place));
  } finally {
    await writer.close();
  }
};
