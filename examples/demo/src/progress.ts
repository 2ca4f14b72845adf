// Progress: one line that rewrites itself on a terminal, plain lines now and then where there is none.

const plainIntervalMs = 2000;

/** Says how far a step is. */
export interface Progress {
  readonly update: (text: string) => void;
  /** Replaces the progress by a lasting line. */
  readonly say: (line: string) => void;
  /** Nothing is said after this. */
  readonly end: () => void;
}

/** Progress on that stream. */
export const progressOn = (stream: Pick<NodeJS.WriteStream, "isTTY" | "write">): Progress => {
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

/** A number for people: `3,201`. */
export const withSeparators = (value: number): string => Math.round(value).toLocaleString("en");
