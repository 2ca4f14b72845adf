// Appends each delivery to a file. A line has the item's key, and no other value.

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { DevReports } from "@sluice/dev";
import { CommandError } from "../command-line/command-error.ts";

/** A file with deliveries. */
export interface History {
  readonly add: (reports: DevReports) => void;
  readonly close: () => Promise<void>;
}

/** Opens the file, and creates it if it is missing. @throws {CommandError} when it cannot be written */
export const openHistory = async (path: string, onError: (line: string) => void): Promise<History> => {
  const file = createWriteStream(path, { flags: "a" });
  try {
    await once(file, "open");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CommandError(`--history ${path} cannot be written: ${code}; expected a file`, { cause });
  }
  let hasFailed = false;
  file.on("error", ({ message }) => {
    if (!hasFailed) onError(`--history ${path} cannot be written any longer: ${message}`);
    hasFailed = true;
  });
  return {
    add: ({ deliveries }) => {
      if (!hasFailed) for (const delivery of deliveries) file.write(`${JSON.stringify(delivery)}\n`);
    },
    close: async () => {
      if (hasFailed) return;
      await new Promise<void>((resolve) => file.end(() => resolve()));
    },
  };
};
