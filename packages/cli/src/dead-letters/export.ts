// Writes dead letters as lines of JSON: to standard output, or to a new file.

import { once } from "node:events";
import { open } from "node:fs/promises";
import type { Envelope } from "@sluice/core/envelope";
import { CommandError } from "../command-line/command-error.ts";
import type { TemporaryFile, TextPosition } from "../files/temporary-file.ts";

/** Writes lines. */
export interface LineWriter {
  readonly write: (line: string) => Promise<void>;
  /** Resolves when all lines are on the disk. */
  readonly close: () => Promise<void>;
}

/** Encodes an envelope for an export, which `sluice redrive` reads: with its record, or the URL of a record that is lost. */
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
 * Writes to a new file; without a path, to standard output. The lines contain items, so only this user may read them.
 * @throws {CommandError} when the file exists, or cannot be written
 */
export const lineWriter = async (path: string | undefined): Promise<LineWriter> => {
  if (path === undefined) return standardOutput;
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    const found = error.code === "EEXIST" ? "exists already" : `cannot be written: ${error.message}`;
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

/** Copies texts from a temporary file. */
export const writeAll = async (
  positions: readonly TextPosition[],
  file: TemporaryFile,
  writer: LineWriter,
): Promise<void> => {
  try {
    for (const position of positions) await writer.write(await file.read(position));
  } finally {
    await writer.close();
  }
};
