// A message source that reads a file. Each line is a message. Removed lines are listed in a second, progress file.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { MessageSource, SourceMessage } from "@sluice/inspect/queue";
import { CommandError } from "../command-line/command-error.ts";
import { linesOf } from "../files/lines.ts";
import { openProgressFile, type ProgressFile } from "../files/progress-file.ts";
import { counted } from "../terminal/format.ts";

/** Returns the file's digest, and the number of lines that are not blank. */
const scan = async (path: string): Promise<{ readonly digest: string; readonly lines: number }> => {
  const hash = createHash("sha256");
  let lines = 0;
  try {
    for await (const line of linesOf(path, (part) => hash.update(part))) if (line.trim() !== "") lines += 1;
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return { digest: hash.digest("hex"), lines };
};

const idOf = (line: number): string => `line ${line}`;
const lineIn = (id: string): number => Number(id.slice("line ".length));

/** Creates a message source that reads a file. */
export const fileSource = (path: string): MessageSource => {
  let progress: ProgressFile | undefined;

  const status = async () => {
    const { digest, lines } = await scan(path);
    progress ??= await openProgressFile(path, digest);
    const alreadyDone = progress.done.size;
    const note = `${counted(alreadyDone, "line")} already done according to ${progress.path}`;
    return { available: lines - alreadyDone, hidden: 0, alreadyDone, notes: alreadyDone === 0 ? [] : [note] };
  };

  const receiveAll = async (pass: (message: SourceMessage) => Promise<void>, signal: AbortSignal) => {
    let line = 0;
    for await (const body of linesOf(path)) {
      if (signal.aborted) break;
      line += 1;
      if (body.trim() !== "" && !progress?.done.has(line)) await pass({ id: idOf(line), body });
    }
    return { isFull: false };
  };

  return {
    name: basename(path),
    isFifo: false,
    status,
    receiveAll,
    remove: async (ids) => {
      if (ids.length > 0) await progress?.add(ids.map(lineIn));
      return [];
    },
    release: async () => 0,
    expired: () => 0,
    close: async () => progress?.close(),
  };
};
