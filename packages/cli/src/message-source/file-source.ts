// A file as a letterbox: a message on each line. The file is never changed; what was removed stands beside it.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { CommandError } from "../command-line/command-error.ts";
import { counted } from "../terminal/format.ts";
import { type DoneFile, openDoneFile } from "../files/progress-file.ts";
import type { Letterbox, Taken } from "./message-source.ts";
import { linesOf } from "../files/lines.ts";

const reading = (path: string, error: unknown): CommandError =>
  new CommandError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });

/** The file's digest, and how many of its lines hold something. */
const survey = async (path: string): Promise<{ readonly digest: string; readonly lines: number }> => {
  const hash = createHash("sha256");
  let lines = 0;
  try {
    for await (const line of linesOf(path, (part) => hash.update(part))) if (line.trim() !== "") lines += 1;
  } catch (error) {
    throw reading(path, error);
  }
  return { digest: hash.digest("hex"), lines };
};

const lineOf = (number: number): string => `line ${number}`;
const numberOf = (id: string): number => Number(id.slice("line ".length));

export const fileLetterbox = (path: string): Letterbox => {
  let progress: DoneFile | undefined;

  const look = async () => {
    const { digest, lines } = await survey(path);
    progress ??= await openDoneFile(path, digest);
    const removedBefore = progress.done.size;
    const note = `${counted(removedBefore, "line")} done before, says ${progress.path}`;
    return { waiting: lines - removedBefore, hidden: 0, removedBefore, notes: removedBefore === 0 ? [] : [note] };
  };

  const takeOut = async (pass: (message: Taken) => Promise<void>, signal: AbortSignal) => {
    let number = 0;
    for await (const text of linesOf(path)) {
      if (signal.aborted) break;
      number += 1;
      if (text.trim() !== "" && !progress?.done.has(number)) await pass({ id: lineOf(number), text });
    }
    return { isFull: false };
  };

  return {
    name: basename(path),
    comesInRounds: false,
    look,
    takeOut,
    remove: async (ids) => {
      if (ids.length > 0) await progress?.note(ids.map(numberOf));
      return [];
    },
    putBack: async () => 0,
    lapsed: () => 0,
    close: async () => progress?.close(),
  };
};
