// What one page still has to get. The memory of a page that does not read is bounded: newer lines replace older ones.

import type { ChangeRow } from "../api/changes.ts";
import type { LiveLine } from "../api/live.ts";
import type { Overview } from "../api/overview.ts";
import type { RunView } from "../api/runs.ts";

/** The most rows of a line. */
export const rowsPerLine = 500;

/** Lines that wait for a page. */
export interface LiveInbox {
  readonly addRows: (rows: readonly ChangeRow[]) => void;
  readonly addRun: (run: RunView) => void;
  readonly setOverview: (overview: Overview) => void;
  readonly setAbout: () => void;
  /** Takes what waits: `about` first, because the page needs it to show the rest. */
  readonly take: () => readonly LiveLine[];
}

/** Creates the inbox of a page. */
export const liveInbox = (): LiveInbox => {
  let rows: ChangeRow[] = [];
  let skipped = 0;
  let overview: Overview | undefined;
  let isAboutNew = false;
  const runs = new Map<string, RunView>();

  const takeRows = (): LiveLine[] => {
    if (rows.length === 0) return [];
    const line: LiveLine = { type: "changes", rows, skipped };
    rows = [];
    skipped = 0;
    return [line];
  };
  return {
    addRows: (added) => {
      // The newest rows are the ones that a page shows first.
      const all = rows.concat(added);
      rows = all.slice(-rowsPerLine);
      skipped += all.length - rows.length;
    },
    addRun: (run) => {
      runs.set(run.id, run);
    },
    setOverview: (now) => {
      overview = now;
    },
    setAbout: () => {
      isAboutNew = true;
    },
    take: () => {
      const lines: LiveLine[] = isAboutNew ? [{ type: "about" }] : [];
      if (overview !== undefined) lines.push({ type: "overview", overview });
      for (const run of runs.values()) lines.push({ type: "run", run });
      lines.push(...takeRows());
      isAboutNew = false;
      overview = undefined;
      runs.clear();
      return lines;
    },
  };
};
