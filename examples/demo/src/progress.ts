// Prints progress. On a terminal, rewrites one line. Elsewhere, prints a new line every two seconds.

const plainIntervalMs = 2000;

/** Prints a progress line, which is overwritten, and permanent lines. */
export interface ProgressPrinter {
  readonly update: (text: string) => void;
  /** Prints a permanent line in place of the progress line. */
  readonly say: (line: string) => void;
  /** Ends the printing. Later calls of all functions have no effect. */
  readonly end: () => void;
}

/** Creates a progress printer for this stream. */
export const progressOn = (stream: Pick<NodeJS.WriteStream, "isTTY" | "write">): ProgressPrinter => {
  let latestPlainAt = 0;
  let isOver = false;
  const clear = stream.isTTY ? "\r\u001b[2K" : "";
  const write = (text: string): void => {
    if (!isOver) stream.write(text);
  };
  return {
    update: (text) => {
      if (stream.isTTY) {
        write(`${clear}  ${text}`);
      } else if (Date.now() - latestPlainAt >= plainIntervalMs) {
        latestPlainAt = Date.now();
        write(`  ${text}\n`);
      }
    },
    say: (line) => write(`${clear}${line}\n`),
    end: () => {
      isOver = true;
    },
  };
};

/** Formats a number with separators: `3,201`. */
export const withSeparators = (value: number): string => Math.round(value).toLocaleString("en");
