// Output of a command. Results are written to standard output, and all other lines to standard error.

import { plainLine } from "./plain-text.ts";
import { type ProgressLine, progressOn } from "./progress.ts";

/** Output of a command. Every line may contain foreign text: unprintable characters in it are replaced. */
export interface Terminal {
  /** Writes a line of the result. */
  readonly out: (line: string) => void;
  /** Writes a line that is not part of the result. */
  readonly err: (line: string) => void;
  readonly progress: Pick<ProgressLine, "update" | "clear">;
}

/** The part of a terminal for notes and progress, without the result. */
export type Notes = Pick<Terminal, "err" | "progress">;

/** Creates a terminal that writes to standard output and standard error. */
export const processTerminal = (): Terminal => {
  const progress = progressOn(process.stderr, Date.now);
  // The own method: `divertOutput` replaces the one of the stream.
  const write = process.stdout.write.bind(process.stdout);
  return {
    out: (line) => {
      progress.clear();
      write(`${plainLine(line)}\n`);
    },
    err: (line) => progress.line(plainLine(line)),
    progress,
  };
};
