// The live answer: what happens, as it happens, one line of JSON each.

import type { ChangeFilter } from "../api/changes.ts";
import type { LiveLine } from "../api/live.ts";
import { isLive } from "../api/runs.ts";
import { matches } from "../feed/filter.ts";
import type { ConsoleHost } from "../host.ts";
import type { RunManager } from "../runs/run-manager.ts";
import { HttpError } from "./http-error.ts";
import { lineStream } from "./line-stream.ts";
import { liveInbox } from "./live-page.ts";
import type { OverviewWatch } from "./overview-watch.ts";

/** The shortest time between two lines of rows. */
const batchMs = 250;
/** The longest silence. A page that hears nothing for longer knows that the connection is dead. */
const aliveMs = 10_000;
/** A browser opens at most 6 connections to one server, so that more pages than these are no person's. */
const maxPages = 50;

/** The live answers of a server. */
export interface Live {
  /** Opens an answer for a page. `gone` aborts when the page has gone. */
  readonly open: (filter: ChangeFilter, gone: AbortSignal) => ReadableStream<Uint8Array>;
  /** Ends all answers. */
  readonly close: () => void;
}

/** What happens, for the live answers. */
export interface LiveSources {
  readonly host: ConsoleHost;
  readonly overview: OverviewWatch;
  readonly runs: RunManager;
}

/** Subscribes to everything. Returns the function that ends this. */
const subscribe = (
  { host, overview, runs }: LiveSources,
  filter: ChangeFilter,
  inbox: ReturnType<typeof liveInbox>,
  wake: () => void,
): (() => void) => {
  const then =
    <Value>(add: (value: Value) => void) =>
    (value: Value): void => {
      add(value);
      wake();
    };
  for (const run of runs.list()) if (isLive(run.state)) inbox.addRun(run);
  const ends = [
    host.onAbout(() => then(inbox.setAbout)(undefined)),
    runs.onRun(then(inbox.addRun)),
    host.feed?.onRows((rows) => {
      const wanted = rows.filter((row) => matches(row, filter));
      if (wanted.length > 0) then(inbox.addRows)(wanted);
    }),
    overview.onOverview(then(inbox.setOverview)),
  ];
  return () => {
    for (const end of ends) end?.();
  };
};

/** Opens one answer. Returns its body, and the function that ends it. */
const openPage = (sources: LiveSources, filter: ChangeFilter, onEnd: () => void) => {
  const inbox = liveInbox();
  let timer: NodeJS.Timeout | undefined;
  let sentAt = 0;
  const stream = lineStream({ onReady: () => wake(), onGone: () => end() });

  const send = (lines: readonly LiveLine[]): void => {
    for (const line of lines) stream.write(line);
    alive.refresh();
  };
  const flush = (): void => {
    timer = undefined;
    if (!stream.isReady()) return;
    const lines = inbox.take();
    if (lines.length === 0) return;
    sentAt = Date.now();
    send(lines);
  };
  /** Sends at once after a silence, and otherwise when the time between two batches is over. */
  function wake(): void {
    timer ??= setTimeout(flush, Math.max(0, Math.min(batchMs, sentAt + batchMs - Date.now())));
  }
  const alive = setInterval(() => {
    if (stream.isReady()) send([{ type: "alive" }]);
  }, aliveMs);
  const unsubscribe = subscribe(sources, filter, inbox, wake);
  function end(): void {
    clearTimeout(timer);
    clearInterval(alive);
    unsubscribe();
    stream.end();
    onEnd();
  }
  send([{ type: "alive" }]);
  return { body: stream.body, end };
};

/** Creates the live answers. */
export const createLive = (sources: LiveSources): Live => {
  const pages = new Set<() => void>();
  return {
    open: (filter, gone) => {
      if (pages.size >= maxPages) {
        throw new HttpError("TOO_MANY_PAGES", `${pages.size} pages are open; expected fewer than ${maxPages}`);
      }
      const page = openPage(sources, filter, () => pages.delete(page.end));
      pages.add(page.end);
      gone.addEventListener("abort", page.end, { once: true });
      return page.body;
    },
    close: () => {
      for (const end of [...pages]) end();
    },
  };
};
