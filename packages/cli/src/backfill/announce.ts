// What a backfill tells the user: lines and a progress line for people, or one JSON object for each event.

import type { WorkCounts } from "@sluice/backfill";
import type { Terminal } from "../terminal/terminal.ts";
import { type Meter, runStep, type Shown } from "./meter.ts";

/** The end of a run, or of this part of it. */
export interface RunEnd {
  readonly run: string;
  /** Whether every item of the source has its outcome. */
  readonly isDone: boolean;
  readonly isDryRun: boolean;
  readonly counts: WorkCounts;
  readonly durationMs: number;
  readonly causes: readonly object[];
  readonly failuresFile?: string;
  /** Why the run ended before it was done. */
  readonly reason?: string;
  /** The command that resumes the run. */
  readonly resume?: string;
  /** The command to run next. */
  readonly next?: string;
}

/** Tells the user about a run. */
export interface Announcer {
  readonly started: (fields: object, line: string) => void;
  /** Shows how far the run is. Call it often: it writes only when its time has come. */
  readonly progress: (meter: Meter, shown: Shown) => void;
  readonly ended: (end: RunEnd, lines: readonly string[]) => void;
}

const jsonEveryMs = 2_000;

const forPrograms = ({ out }: Terminal, now: () => number): Announcer => {
  const write = (event: string, fields: object): void =>
    out(JSON.stringify({ event, time: new Date(now()).toISOString(), ...fields }));
  let latestAt = now();
  return {
    started: (fields) => write("start", fields),
    progress: (run, { total, lag }) => {
      if (now() - latestAt < jsonEveryMs) return;
      latestAt = now();
      const { itemsPerSecond, readUnitsPerSecond, leftMs } = run.speed();
      write("progress", {
        counts: run.counts(),
        items: total,
        itemsPerSecond: Math.round(itemsPerSecond),
        readUnitsPerSecond: Math.round(readUnitsPerSecond),
        ...(leftMs !== undefined && { leftMs: Math.round(leftMs) }),
        ...(lag?.ms !== undefined && { lagMs: lag.ms }),
        ...(lag?.isWaiting && { isWaiting: true }),
      });
    },
    ended: (end) => write("end", end),
  };
};

const forPeople = ({ out, err, progress }: Terminal): Announcer => ({
  started: (_, line) => err(line),
  progress: (run, shown) => progress.update(runStep(run, shown)),
  ended: (_, lines) => {
    progress.clear();
    for (const line of lines) out(line);
  },
});

/** Creates an announcer. */
export const announcer = (terminal: Terminal, isJson: boolean, now: () => number): Announcer =>
  isJson ? forPrograms(terminal, now) : forPeople(terminal);
