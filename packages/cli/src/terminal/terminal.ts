// Output of a command. Results are written to standard output, and all other lines to standard error.

import { type ProgressLine, progressOn } from "./progress.ts";

/** Output of a command. */
export interface Terminal {
  /** Writes a line of the result. */
  readonly out: (line: string) => void;
  /** Writes a line that is not part of the result. */
  readonly err: (line: string) => void;
  readonly progress: Pick<ProgressLine, "update" | "clear">;
}

/** Replaces control characters. A text may come from a stranger's message, and could otherwise control the terminal. */
const printable = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, "?");

/** Creates a terminal that writes to standard output and standard error. */
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
