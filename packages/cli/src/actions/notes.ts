// What an action hears of the function that it shares with a command: notes, and progress.

import type { RunStep } from "@sluice/console";
import { plainLine } from "../terminal/plain-text.ts";
import type { ProgressStep } from "../terminal/progress.ts";
import type { Notes } from "../terminal/terminal.ts";

/** Notes of an action. */
export interface ActionNotes extends Notes {
  readonly lines: () => readonly string[];
}

/** Time between two reports of one step: they may cross a process boundary. */
const everyMs = 100;

/** A step whose messages are counted may repeat a note for each of them. */
const maxLines = 1_000;

/** Creates notes. `counts` returns the counts that belong to the progress. */
export const actionNotes = (
  onProgress: (progress: RunStep) => void = () => undefined,
  counts: () => RunStep["counts"] = () => ({}),
): ActionNotes => {
  const lines: string[] = [];
  let latestAt = Number.NEGATIVE_INFINITY;
  let latestDoing = "";
  const update = ({ doing, done, total }: ProgressStep): void => {
    if (doing === latestDoing && done !== total && Date.now() - latestAt < everyMs) return;
    [latestAt, latestDoing] = [Date.now(), doing];
    onProgress({ doing, done, total, counts: { ...counts() } });
  };
  return {
    lines: () => lines,
    err: (line) => {
      if (lines.length < maxLines) lines.push(plainLine(line));
    },
    progress: { update, clear: () => undefined },
  };
};
