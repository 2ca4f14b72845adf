// What the server sends as it happens. One connection for the whole page; one update for each frame of the screen.

import { batch, signal } from "@preact/signals";
import type { About } from "../api/about.ts";
import type { ChangeFilter, ChangeRow } from "../api/changes.ts";
import type { LiveLine } from "../api/live.ts";
import type { Overview } from "../api/overview.ts";
import type { RunView } from "../api/runs.ts";
import { reconnectDelayMs } from "./backoff.ts";
import { access, get, lines } from "./client.ts";
import { type Watch, watchSilence } from "./silence.ts";
import { inSlot } from "./slots.ts";

/** Time between two requests of a tab that may hold no connection; of one in the background. */
const askMs = 2000;
const hiddenMs = 15_000;
/** A tab that is in the background for so long leaves its connection to others. */
const leaveMs = 10_000;

/** `connecting` is the state before the first answer. */
export type Connection = "connecting" | "live" | "disconnected";

/** Whether the page hears the server. */
export const connection = signal<Connection>("connecting");

/** When the page connects again, in milliseconds since the epoch. */
export const reconnectsAt = signal<number | undefined>(undefined);

/** Why the last connection failed. */
export const failure = signal<string | undefined>(undefined);

/** What the console is about; undefined until the first answer. */
export const about = signal<About | undefined>(undefined);

/** How the pipelines are; undefined until the first answer. */
export const overview = signal<Overview | undefined>(undefined);

/** The runs that the server reported since the page was opened, by their id. */
export const liveRuns = signal<ReadonlyMap<string, RunView>>(new Map());

/** Hears rows that match a filter. */
export interface RowsListener {
  /** A connection began: rows of before it are in `GET /api/changes`. */
  readonly onOpen: () => void;
  /** New rows, oldest first, and how many more were skipped. */
  readonly onRows: (rows: readonly ChangeRow[], skipped: number) => void;
}

let listener: RowsListener | undefined;
let filter: ChangeFilter | undefined;
let current: Watch | undefined;
let wake: (() => void) | undefined;
let pending: LiveLine[] = [];
let isScheduled = false;

const readAbout = async (signal?: AbortSignal): Promise<void> => {
  about.value = await get<About>("/api/about", {}, signal);
};

const addRuns = (runs: readonly RunView[]): void => {
  if (runs.length === 0) return;
  liveRuns.value = new Map([...liveRuns.value, ...runs.map((run) => [run.id, run] as const)]);
};

/** What the live answer tells only when it changes. */
const readState = async (signal: AbortSignal): Promise<void> => {
  const [, runs] = await Promise.all([readAbout(signal), get<readonly RunView[]>("/api/runs", {}, signal)]);
  addRuns(runs);
};

const takeRows = (taken: readonly LiveLine[]): void => {
  const rows: ChangeRow[] = [];
  let skipped = 0;
  for (const line of taken) {
    if (line.type !== "changes") continue;
    for (const row of line.rows) rows.push(row);
    skipped += line.skipped;
  }
  if (rows.length > 0 || skipped > 0) listener?.onRows(rows, skipped);
};

const flush = (): void => {
  isScheduled = false;
  const taken = pending;
  pending = [];
  batch(() => {
    const newest = taken.findLast((line) => line.type === "overview");
    if (newest !== undefined) overview.value = newest.overview;
    addRuns(taken.flatMap((line) => (line.type === "run" ? [line.run] : [])));
    takeRows(taken);
  });
  if (taken.some((line) => line.type === "about")) readAbout().catch(() => undefined);
};

// Browsers stop the frames of a page in the background: a timer empties the list there.
const schedule = (): void => {
  if (isScheduled) return;
  isScheduled = true;
  if (document.hidden) setTimeout(flush, 1000);
  else requestAnimationFrame(flush);
};

const opened = (): void => {
  connection.value = "live";
  // Rows of the connection before would come twice.
  pending = pending.filter((line) => line.type !== "changes");
  listener?.onOpen();
};

/** Reads the live answer until it ends. */
const readLines = async (watch: Watch): Promise<void> => {
  const { signal } = watch;
  if (connection.peek() !== "live") await readState(signal);
  let isOpen = false;
  for await (const line of lines<LiveLine>("/api/live", { ...filter }, signal)) {
    if (signal.aborted) return;
    watch.heard();
    if (!isOpen) opened();
    isOpen = true;
    if (line.type === "alive") continue;
    pending.push(line);
    schedule();
  }
};

/** Asks for everything once: for tabs that may hold no connection. */
const askOnce = async (watch: Watch): Promise<void> => {
  const { signal } = watch;
  const [now] = await Promise.all([get<Overview>("/api/overview", {}, signal), readState(signal)]);
  watch.heard();
  overview.value = now;
  opened();
};

const pause = async (delayMs: number): Promise<void> => {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  wake = undefined;
};

const waitFor = async (delayMs: number): Promise<void> => {
  reconnectsAt.value = Date.now() + delayMs;
  await pause(delayMs);
  reconnectsAt.value = undefined;
};

/** Hears the server until the connection ends. Returns whether it ended because the page wants another one. */
const hear = async (): Promise<boolean> => {
  const watch = watchSilence();
  current = watch;
  try {
    while (!watch.signal.aborted) {
      if (!document.hidden && (await inSlot(() => readLines(watch)))) break;
      await askOnce(watch);
      // No request is on its way: the silence is the page's own.
      watch.end();
      await pause(document.hidden ? hiddenMs : askMs);
      watch.heard();
    }
  } catch (error) {
    if (!watch.isReplaced()) failure.value = error instanceof Error ? error.message : String(error);
  }
  watch.end();
  return watch.isReplaced();
};

const keepConnected = async (): Promise<void> => {
  let failures = 0;
  for (;;) {
    if (await hear()) continue;
    // A server that refused the token refuses it again. Another token reloads the page.
    if (access.peek() !== "open") return;
    failures = connection.value === "live" ? 1 : failures + 1;
    connection.value = "disconnected";
    await waitFor(reconnectDelayMs(failures));
  }
};

/** Ends the connection for another one. */
const replace = (): void => {
  current?.replace();
  wake?.();
};

const followVisibility = (): void => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(replace, leaveMs);
    else wake?.();
  });
};

/** Connects, and connects again whenever the connection ends. */
export const startLive = (): void => {
  followVisibility();
  keepConnected().catch((error: unknown) => {
    failure.value = String(error);
  });
};

/** Connects at once instead of after the delay. */
export const reconnectNow = (): void => wake?.();

/** Begins to hear rows that match a filter. Returns the function that ends this. */
export const followRows = (wanted: ChangeFilter, rows: RowsListener): (() => void) => {
  filter = wanted;
  listener = rows;
  replace();
  return () => {
    if (listener !== rows) return;
    listener = undefined;
    filter = undefined;
  };
};
