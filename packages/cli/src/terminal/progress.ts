// Shows progress. On a terminal, rewrites one line. On other streams, writes a new line every two seconds.

import { withSeparators } from "./format.ts";

const plainIntervalMs = 2_000;
const redrawIntervalMs = 100;
const barWidth = 24;
const minimumBarWidth = 4;
const eraseLine = "\r\u001b[2K";

/** The progress to show: how much of a step is done. */
export interface ProgressStep {
  /** Name of the step, such as `redriving`. */
  readonly doing: string;
  readonly done: number;
  /** Undefined or 0 if the total is unknown. */
  readonly total?: number | undefined;
  /** Whether the total is only about right. */
  readonly isAbout?: boolean;
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

/** A bar of this width, with its brackets and a space; no bar if there is no room for it. */
const bar = (share: number, width: number): string => {
  if (width < minimumBarWidth) return "";
  const filled = Math.round(share * width);
  return `[${"=".repeat(filled)}${" ".repeat(width - filled)}] `;
};

/**
 * Formats the progress of a step. With `columns`, the line has a bar, which becomes smaller so that the rest of the line
 * fits.
 */
export const stepText = ({ doing, done, total, isAbout, note }: ProgressStep, columns: number | undefined): string => {
  const rest = note === undefined || note === "" ? "" : `, ${note}`;
  if (!total) return `${doing} ${withSeparators(done)}${rest}`;
  const share = Math.min(1, done / total);
  const about = isAbout ? "about " : "";
  const counts = `${withSeparators(done)} of ${about}${withSeparators(total)} (${Math.floor(share * 100)} %)${rest}`;
  const room = (columns ?? 0) - doing.length - counts.length - "  [] ".length;
  return `${doing} ${bar(share, Math.min(barWidth, room))}${counts}`;
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
        stream.write(`${stepText(step, undefined)}\n`);
        return;
      }
      // `eraseLine` erases only one line, so the text must not wrap. If the width is unknown, `columns` is 0.
      const columns = stream.columns || 80;
      stream.write(eraseLine + stepText(step, columns).slice(0, columns - 1));
      isShown = true;
    },
    line: (text) => {
      clear();
      stream.write(`${text}\n`);
    },
    clear,
  };
};
