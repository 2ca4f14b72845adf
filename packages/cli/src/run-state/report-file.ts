// A file beside the state of a run, with one JSON object on each line: the run's failures, or its findings.

import { access, constants, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandError } from "../command-line/command-error.ts";
import { runFolder } from "./run-store.ts";

/** A file to which lines are added. */
export interface ReportFile {
  readonly path: string;
  /** Creates the folder, and checks that files can be created there. @throws {CommandError} when they cannot */
  readonly prepare: () => Promise<void>;
  /** Adds one line for each value. Resolves when the lines are on the disk. */
  readonly add: (values: readonly object[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Opens the file `<run>.<name>.ndjson` of a folder, by default `.sluice/runs`. A resumed run adds to it. The file is created with its first line, and
 * only this user can read it, because it contains the keys of items.
 */
export const reportFile = (run: string, name: string, folder: string = runFolder): ReportFile => {
  const path = join(folder, `${run}.${name}.ndjson`);
  let opened: ReturnType<typeof open> | undefined;
  let tail: Promise<void> = Promise.resolve();
  const openFile = async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(path, "a", 0o600);
  };
  const addText = async (text: string): Promise<void> => {
    opened ??= openFile();
    const file = await opened;
    await file.appendFile(text);
    await file.datasync();
  };
  return {
    path,
    prepare: async () => {
      try {
        await mkdir(dirname(path), { recursive: true });
        await access(dirname(path), constants.W_OK);
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new CommandError(
          `the folder ${dirname(path)} cannot be written: ${code}; expected a working directory that you may write to`,
          { cause },
        );
      }
    },
    add: (values) => {
      if (values.length === 0) return tail;
      const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
      // One write after the other, so that the lines of two pages do not mix.
      tail = tail.then(() => addText(text));
      return tail;
    },
    close: async () => {
      await tail;
      await (await opened)?.close();
    },
  };
};
