// Progress: one line that rewrites itself on a terminal, plain lines now and then where there is none.

import { withSeparators } from "./format.ts";

const plainIntervalMs = 2_000;
const redrawIntervalMs = 100;
const barWidth = 24;
const eraseLine = "\r\u001b[2K";

/** How far a step is. */
export interface Step {
  /** What is done: `redriving`. */
  readonly doing: string;
  readonly done: number;
  /** Undefined or 0 where nobody knows how much there is. */
  readonly total?: number | undefined;
  /** What else is to be told: `3 rejected`. */
  readonly beside?: string;
}

/** The part of a stream that progress needs. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly write: (text: string) => unknown;
}

/** Shows how far a step is. */
export interface Progress {
  readonly update: (step: Step) => void;
  /** Writes a lasting line in the place of the progress. */
  readonly line: (text: string) => void;
  /** Removes what is not to stay. */
  readonly clear: () => void;
}

const bar = (share: number): string => {
  const filled = Math.round(share * barWidth);
  return `[${"=".repeat(filled)}${" ".repeat(barWidth - filled)}]`;
};

/** A step as text; with a bar where there is a terminal. */
export const stepText = ({ doing, done, total, beside }: Step, hasBar: boolean): string => {
  const rest = beside === undefined || beside === "" ? "" : `, ${beside}`;
  if (!total) return `${doing} ${withSeparators(done)}${rest}`;
  const share = Math.min(1, done / total);
  const counts = `${withSeparators(done)} of ${withSeparators(total)} (${Math.floor(share * 100)} %)`;
  return `${doing} ${hasBar ? `${bar(share)} ` : ""}${counts}${rest}`;
};

/** Progress on that stream. `now` is in milliseconds. */
export const progressOn = (stream: ProgressStream, now: () => number): Progress => {
  const isTerminal = stream.isTTY === true;
  let latestAt = Number.NEGATIVE_INFINITY;
  let latestDoing = "";
  let isShown = false;
  const clear = (): void => {
    if (isShown) stream.write(eraseLine);
    isShown = false;
  };
  const isDue = ({ doing }: Step): boolean => {
    const isNew = doing !== latestDoing;
    latestDoing = doing;
    if (isTerminal) return isNew || now() - latestAt >= redrawIntervalMs;
    // What is soon over needs no line of progress.
    if (isNew) latestAt = now();
    return now() - latestAt >= plainIntervalMs;
  };
  return {
    update: (step) => {
      if (!isDue(step)) return;
      latestAt = now();
      if (!isTerminal) {
        stream.write(`${stepText(step, false)}\n`);
        return;
      }
      // A line that wraps could not be rewritten. A terminal that does not know its width says 0.
      stream.write(eraseLine + stepText(step, true).slice(0, (stream.columns || 80) - 1));
      isShown = true;
    },
    line: (text) => {
      clear();
      stream.write(`${text}\n`);
    },
    clear,
  };
};
