// Where a command speaks: results to standard output, all else to standard error.

import { type Progress, progressOn } from "./progress.ts";

/** Where a command speaks. */
export interface Terminal {
  /** A line of the result. */
  readonly out: (line: string) => void;
  /** A line that is no result. */
  readonly err: (line: string) => void;
  readonly progress: Pick<Progress, "update" | "clear">;
}

/** A message is anybody's: what steers a terminal is not passed on. */
const printable = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, "?");

/** The process's own streams. */
export const processTerminal = (): Terminal => {
  const progress = progressOn(process.stderr, Date.now);
  return {
    out: (line) => {
      progress.clear();
      process.stdout.write(`${printable(line)}\n`);
    },
    err: (line) => progress.line(printable(line)),
    progress,
  };
};
