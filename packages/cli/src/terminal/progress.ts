// Shows progress. On a terminal, rewrites one line. On other streams, writes a new line every two seconds.

import { withSeparators } from "./format.ts";

const plainIntervalMs = 2_000;
const redrawIntervalMs = 100;
const barWidth = 24;
const eraseLine = "\r\u001b[2K";

/** The progress to show: how much of a step is done. */
export interface ProgressStep {
  /** Name of the step, such as `redriving`. */
  readonly doing: string;
  readonly done: number;
  /** Undefined or 0 if the total is unknown. */
  readonly total?: number | undefined;
  /** Text that is added at the end, such as `3 rejected`. */
  readonly note?: string;
}

/** The stream that progress is written to. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly write: (text: string) => unknown;
}

/** Shows the progress of one step after the other. */
export interface ProgressLine {
  readonly update: (step: ProgressStep) => void;
  /** Removes the progress, and writes a line of text that stays. */
  readonly line: (text: string) => void;
  /** Removes the progress from the terminal. */
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
    // A new step writes its first line after one interval, so that a short step writes no line.
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
      // `eraseLine` erases only one line, so the text must not wrap. If the width is unknown, `columns` is 0.
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
