// Output of a command: results go to standard output, all other lines to standard error.

import { type ProgressLine, progressOn } from "./progress.ts";

/** Output of a command. */
export interface Terminal {
  /** Writes a line of the result. */
  readonly out: (line: string) => void;
  /** Writes a line that is not part of the result. */
  readonly err: (line: string) => void;
  readonly progress: Pick<ProgressLine, "update" | "clear">;
}

/** Replaces control characters, because anyone may have sent the message that is shown. */
const printable = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, "?");

/** Writes to the streams of this process. */
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
