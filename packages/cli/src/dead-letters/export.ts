// Writes dead letters as lines of JSON to standard output or to a new file.

import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import { CommandError } from "../command-line/command-error.ts";
import { plainJson } from "../terminal/plain-text.ts";

/** Encodes an envelope as a line for `sluice redrive`. If the record is lost, the line contains the record's URL. */
export const exportLine = (envelope: Envelope): string => {
  const { record: _, ...rest } = envelope;
  const whole = envelope.recordUrl === undefined ? envelope : (rest as Envelope);
  return plainJson(encodeEnvelope(whole, Number.POSITIVE_INFINITY));
};

/** Encodes the body of a message without an envelope as a line, which is a JSON string. */
export const bodyLine = (body: string): string => plainJson(JSON.stringify(body));

/**
 * Writes lines to a new file, or to standard output if no path is given. Only this user can read the new file, because
 * the lines contain items. Resolves when the lines are on the disk.
 * @throws {CommandError} when the file exists or cannot be written
 */
export const writeLines = async (path: string | undefined, lines: AsyncIterable<string>): Promise<void> => {
  const ended = async function* () {
    for await (const line of lines) yield `${line}\n`;
  };
  if (path === undefined) return pipeline(ended, process.stdout, { end: false });
  await pipeline(ended, createWriteStream(path, { flags: "wx", mode: 0o600, flush: true })).catch(
    (error: NodeJS.ErrnoException) => {
      const found = error.code === "EEXIST" ? "exists already" : `cannot be written: ${error.message}`;
      throw new CommandError(`${path} ${found}; expected the name of a new file`, { cause: error });
    },
  );
};
