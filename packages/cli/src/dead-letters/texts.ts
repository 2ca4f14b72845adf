// Copies of dead letters as lines of JSON, and their removal from the queue after a copy is on the disk.

import { openTemporaryFile, type TextPosition } from "../files/temporary-file.ts";
import { removeUnits } from "../message-source/remove-units.ts";
import { bodyLine, exportLine, writeLines } from "./export.ts";
import { type FoundDeadLetters, type OpenQueue, receiveDeadLetters } from "./receive.ts";

/** Dead letters whose lines are in a temporary file. */
export interface DeadLetterTexts {
  readonly found: FoundDeadLetters<TextPosition>;
  readonly lines: () => AsyncIterable<string>;
  /** Writes the lines to a new file, or to standard output. */
  readonly write: (path: string | undefined) => Promise<void>;
}

/** Receives dead letters, and stores their lines in a temporary file. Deletes the file when `use` has ended. */
export const withTexts = async <Result>(
  queue: OpenQueue,
  isUnsupported: boolean,
  use: (texts: DeadLetterTexts) => Promise<Result>,
): Promise<Result> => {
  const file = await openTemporaryFile();
  try {
    const found = await receiveDeadLetters<TextPosition>(queue, {
      keep: (envelope) => file.add(exportLine(envelope)),
      keepUnsupported: isUnsupported ? (body) => file.add(bodyLine(body)) : undefined,
    });
    const lines = async function* () {
      for (const { value } of found.deadLetters) yield await file.read(value);
    };
    return await use({ found, lines, write: (path) => writeLines(path, lines()) });
  } finally {
    await file.close();
  }
};

/** The name of a new file for the dead letters of a queue. */
export const backupFile = ({ source }: Pick<OpenQueue, "source">): string =>
  `${source.name.replace(/\.fifo$/, "")}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.jsonl`;

/** Writes the lines to a new file, and then deletes the messages. Returns the ids of messages that could not be deleted. */
export const dropTexts = async (
  { source, payloads, terminal }: Pick<OpenQueue, "source" | "payloads" | "terminal">,
  { found, write }: DeadLetterTexts,
  file: string,
  onWritten: () => void = () => undefined,
): Promise<ReadonlySet<string>> => {
  await write(file);
  onWritten();
  return removeUnits(found.deadLetters, source, payloads, terminal);
};
