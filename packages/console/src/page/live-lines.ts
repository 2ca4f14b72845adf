// What the page hears: lines of one long answer; or, in the fifth tab and those after it, answers to one question a second.
// A browser opens six connections to one server. Long answers in all tabs would leave none for anything else.

import type { About } from "../api/about.ts";
import type { ChangeFilter, ChangePage, ChangeRow } from "../api/changes.ts";
import type { LiveLine } from "../api/live.ts";
import type { Overview } from "../api/overview.ts";
import type { RunView } from "../api/runs.ts";
import { get, lines } from "./client.ts";

const slots = ["sluice-live-1", "sluice-live-2", "sluice-live-3", "sluice-live-4"];

const pollMs = 1000;

/** The most rows that one answer may have. */
const rowLimit = 500;

/** Holds a lock until the returned function is called. Undefined: another tab holds the lock. */
const tryLock = (locks: LockManager, name: string): Promise<(() => void) | undefined> =>
  new Promise((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      if (lock === null) {
        resolve(undefined);
        return undefined;
      }
      return new Promise<void>((release) => resolve(release));
    };
    locks.request(name, { ifAvailable: true }, hold).catch(reject);
  });

/** Takes the right to a long answer. The browser gives it back when the tab is closed. */
const takeSlot = async (): Promise<(() => void) | undefined> => {
  // Pages of another machine without HTTPS have no locks.
  const locks: LockManager | undefined = navigator.locks;
  if (locks === undefined) return () => undefined;
  for (const name of slots) {
    const release = await tryLock(locks, name);
    if (release !== undefined) return release;
  }
  return undefined;
};

/** The rows that are newer than those of the answer before, as a line. */
const newRows = ({ rows, hasMore }: ChangePage, seen: number): LiveLine => {
  const fresh: readonly ChangeRow[] = rows.filter((row) => row.seq > seen);
  const oldest = fresh.at(-1);
  const skipped = hasMore && fresh.length === rows.length && oldest !== undefined ? oldest.seq - seen - 1 : 0;
  return { type: "changes", rows: fresh.toReversed(), skipped };
};

interface Asked {
  readonly about: string;
  readonly runs: ReadonlyMap<string, string>;
  readonly seen: number;
}

interface Round {
  readonly asked: Asked;
  readonly lines: readonly LiveLine[];
}

/** Asks once, one question after the other, so that a tab needs one connection. */
const askRound = async (filter: ChangeFilter, signal: AbortSignal, last: Asked | undefined): Promise<Round> => {
  const about = await get<About>("/api/about", {}, signal);
  const overview = await get<Overview>("/api/overview", {}, signal);
  const runs = await get<readonly RunView[]>("/api/runs", {}, signal);
  const page = about.can.changes
    ? await get<ChangePage>("/api/changes", { ...filter, limit: rowLimit }, signal)
    : { rows: [], hasMore: false };
  const texts = new Map(runs.map((run) => [run.id, JSON.stringify(run)]));
  const asked = { about: JSON.stringify(about), runs: texts, seen: page.rows[0]?.seq ?? last?.seen ?? 0 };
  const lines: LiveLine[] = [{ type: "overview", overview }];
  // The first answer has nothing new: the screens read what came before.
  if (last === undefined) return { asked, lines };
  if (last.about !== asked.about) lines.push({ type: "about" });
  const changed = runs.filter((run) => last.runs.get(run.id) !== texts.get(run.id));
  lines.push(...changed.map((run): LiveLine => ({ type: "run", run })), newRows(page, last.seen));
  return { asked, lines };
};

/**
 * Reads lines until the server ends or the signal aborts.
 * @param onOpen called before the first line, and when the tab gets a long answer after it has asked: rows may be missing between.
 * @throws {ApiError}
 */
export async function* liveLines(
  filter: ChangeFilter,
  signal: AbortSignal,
  onOpen: () => void,
): AsyncGenerator<LiveLine> {
  let asked: Asked | undefined;
  let release = await takeSlot();
  while (release === undefined && !signal.aborted) {
    const round = await askRound(filter, signal, asked);
    if (asked === undefined) onOpen();
    asked = round.asked;
    yield* round.lines;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    release = await takeSlot();
  }
  let isOpen = false;
  try {
    for await (const line of lines<LiveLine>("/api/live", { ...filter }, signal)) {
      if (!isOpen) onOpen();
      isOpen = true;
      yield line;
    }
  } finally {
    release?.();
  }
}
