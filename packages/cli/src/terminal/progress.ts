// Shows progress. On a terminal it is one line that is rewritten; elsewhere it is a new line every two seconds.

import { withSeparators } from "./format.ts";

const plainIntervalMs = 2_000;
const redrawIntervalMs = 100;
const barWidth = 24;
const eraseLine = "\r\u001b[2K";

/** Progress of a step. */
export interface ProgressStep {
  /** Name of the step: `redriving`. */
  readonly doing: string;
  readonly done: number;
  /** Undefined or 0 if the total is unknown. */
  readonly total?: number | undefined;
  /** Further text: `3 rejected`. */
  readonly note?: string;
}

/** The stream that progress is written to. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly write: (text: string) => unknown;
}

/** Shows the progress of steps. */
export interface ProgressLine {
  readonly update: (step: ProgressStep) => void;
  /** Replaces the progress by a line that stays. */
  readonly line: (text: string) => void;
  /** Removes the progress. */
  readonly clear: () => void;
}

const bar = (share: number): string => {
  const filled = Math.round(share * barWidth);
  return `[${"=".repeat(filled)}${" ".repeat(barWidth - filled)}]`;
};

/** Formats the progress of a step, with a bar for a terminal. */
export const stepText = ({ doing, done, total, note }: ProgressStep, hasBar: boolean): string => {
  const rest = note === undefined || note === "" ? "" : `, ${note}`;
  if (!total) return `${doing} ${withSeparators(done)}${rest}`;
  const share = Math.min(1, done / total);
  const counts = `${withSeparators(done)} of ${withSeparators(total)} (${Math.floor(share * 100)} %)`;
  return `${doing} ${hasBar ? `${bar(share)} ` : ""}${counts}${rest}`;
};

/** Shows progress on a stream. `now` is in milliseconds. */
export const progressOn = (stream: ProgressStream, now: () => number): ProgressLine => {
  const isTerminal = stream.isTTY === true;
  let latestAt = Number.NEGATIVE_INFINITY;
  let latestDoing = "";
  let isShown = false;
  const clear = (): void => {
    if (isShown) stream.write(eraseLine);
    isShown = false;
  };
  const isDue = ({ doing }: ProgressStep): boolean => {
    const isNew = doing !== latestDoing;
    latestDoing = doing;
    if (isTerminal) return isNew || now() - latestAt >= redrawIntervalMs;
    // The interval starts when the step starts, so that a short step writes no line.
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
      // A line that wraps cannot be rewritten, so it is cut. `columns` is 0 if the terminal's width is unknown.
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
