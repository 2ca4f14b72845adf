// Shows progress. On a terminal, rewrites its lines. On other streams, writes a new line every two seconds.

import { wrapped } from "../command-line/help.ts";
import { withSeparators } from "./format.ts";

const plainIntervalMs = 2_000;
const redrawIntervalMs = 100;
const barWidth = 24;
const minimumBarWidth = 4;
const eraseLine = "\r\u001b[2K";
const eraseLineAbove = "\u001b[1A\u001b[2K";

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

/** The progress of a step without its note. */
const countsText = ({ doing, done, total, isAbout }: ProgressStep, barRoom: number): string => {
  if (!total) return `${doing} ${withSeparators(done)}`;
  const share = Math.min(1, done / total);
  const about = isAbout ? "about " : "";
  const counts = `${withSeparators(done)} of ${about}${withSeparators(total)} (${Math.floor(share * 100)} %)`;
  const room = barRoom - doing.length - counts.length - "  [] ".length;
  return `${doing} ${bar(share, Math.min(barWidth, room))}${counts}`;
};

/** Formats the progress of a step as one line without a bar. */
export const plainStep = (step: ProgressStep): string => countsText(step, 0) + (step.note ? `, ${step.note}` : "");

/**
 * Formats the progress of a step for a terminal of this width. The bar becomes smaller so that the note fits behind it. If the
 * note fits behind no bar, it gets lines of its own.
 */
export const stepLines = (step: ProgressStep, columns: number): string[] => {
  const note = step.note ? `, ${step.note}` : "";
  const fits = (text: string): boolean => text.length < columns;
  const line = countsText(step, columns - note.length) + note;
  if (note === "" || (fits(line) && (!step.total || line.includes("[")))) return [line.slice(0, columns - 1)];
  const noteLines = wrapped(`  ${step.note}`, columns - 1);
  return [countsText(step, columns), ...noteLines].map((text) => text.slice(0, columns - 1));
};

/** Shows progress on a stream. `now` is in milliseconds. */
export const progressOn = (stream: ProgressStream, now: () => number): ProgressLine => {
  const isTerminal = stream.isTTY === true;
  let latestAt = Number.NEGATIVE_INFINITY;
  let latestDoing = "";
  let shownLines = 0;
  const erasing = (): string => (shownLines === 0 ? "" : eraseLine + eraseLineAbove.repeat(shownLines - 1));
  const clear = (): void => {
    if (shownLines > 0) stream.write(erasing());
    shownLines = 0;
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
        stream.write(`${plainStep(step)}\n`);
        return;
      }
      // The next drawing erases as many lines as this one has, so no line may wrap. If the width is unknown, `columns` is 0.
      const lines = stepLines(step, stream.columns || 80);
      stream.write((erasing() || eraseLine) + lines.join("\n"));
      shownLines = lines.length;
    },
    line: (text) => {
      clear();
      stream.write(`${text}\n`);
    },
    clear,
  };
};
