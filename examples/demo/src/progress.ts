// Progress: one line that rewrites itself on a terminal, plain lines now and then where there is none.

const plainIntervalMs = 2000;

/** Says how far a step is. */
export interface Progress {
  readonly update: (text: string) => void;
  /** Replaces the progress by a lasting line. */
  readonly say: (line: string) => void;
}

/** Progress on that stream. */
export const progressOn = (stream: NodeJS.WriteStream): Progress => {
  let latestPlainAt = 0;
  const clear = stream.isTTY ? "\r\u001b[2K" : "";
  return {
    update: (text) => {
      if (stream.isTTY) {
        stream.write(`${clear}  ${text}`);
      } else if (Date.now() - latestPlainAt >= plainIntervalMs) {
        latestPlainAt = Date.now();
        stream.write(`  ${text}\n`);
      }
    },
    say: (line) => {
      stream.write(`${clear}${line}\n`);
    },
  };
};

/** A number for people: `3,201`. */
export const withSeparators = (value: number): string => Math.round(value).toLocaleString("en");
