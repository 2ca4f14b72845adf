// What the server sends as it happens. One connection for the whole page; one update for each frame of the screen.

import { batch, signal } from "@preact/signals";
import type { About } from "../api/about.ts";
import type { ChangeFilter, ChangeRow } from "../api/changes.ts";
import type { LiveLine } from "../api/live.ts";
import type { Overview } from "../api/overview.ts";
import type { RunView } from "../api/runs.ts";
import { reconnectDelayMs } from "./backoff.ts";
import { access, get, lines } from "./client.ts";

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

/** The runs that the server told of since the page was opened, by their id. */
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
let current: AbortController | undefined;
let wake: (() => void) | undefined;
let pending: LiveLine[] = [];
let isScheduled = false;

const readAbout = async (): Promise<void> => {
  about.value = await get<About>("/api/about");
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

const takeRuns = (taken: readonly LiveLine[]): void => {
  const runs = taken.flatMap((line) => (line.type === "run" ? [line.run] : []));
  if (runs.length === 0) return;
  liveRuns.value = new Map([...liveRuns.value, ...runs.map((run) => [run.id, run] as const)]);
};

const flush = (): void => {
  isScheduled = false;
  const taken = pending;
  pending = [];
  batch(() => {
    const newest = taken.findLast((line) => line.type === "overview");
    if (newest !== undefined) overview.value = newest.overview;
    takeRuns(taken);
    takeRows(taken);
  });
  if (taken.some((line) => line.type === "about")) readAbout().catch(() => undefined);
};

// Browsers stop the frames of a page that nobody sees: a timer empties the list there.
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

const readLines = async (signal: AbortSignal): Promise<void> => {
  if (connection.peek() !== "live") await readAbout();
  let isOpen = false;
  for await (const line of lines<LiveLine>("/api/live", { ...filter }, signal)) {
    if (signal.aborted) return;
    if (!isOpen) opened();
    isOpen = true;
    if (line.type === "alive") continue;
    pending.push(line);
    schedule();
  }
};

const waitFor = async (delayMs: number): Promise<void> => {
  await new Promise<void>((resolve) => {
    reconnectsAt.value = Date.now() + delayMs;
    const timer = setTimeout(resolve, delayMs);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  reconnectsAt.value = undefined;
  wake = undefined;
};

/** Hears the server until the connection ends. Returns whether it ended because another filter is wanted. */
const hear = async (): Promise<boolean> => {
  const controller = new AbortController();
  current = controller;
  try {
    await readLines(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) failure.value = error instanceof Error ? error.message : String(error);
  }
  return controller.signal.aborted;
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

/** Connects, and connects again whenever the connection ends. */
export const startLive = (): void => {
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
  current?.abort();
  return () => {
    if (listener !== rows) return;
    listener = undefined;
    filter = undefined;
  };
};
