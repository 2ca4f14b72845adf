// The list of changes: its rows, kept current by the live answer, and read page by page towards older ones.

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ChangeFilter, ChangePage, ChangeRow } from "../api/changes.ts";
import { get } from "./client.ts";
import { followRows } from "./live.ts";
import { addOlder, addRows, emptyBuffer, pageOnly, type RowBuffer, releaseRows, takeNewest } from "./row-buffer.ts";

const pageSize = 200;

/** The list of changes of one filter. */
export interface Tail {
  readonly buffer: ReadonlySignal<RowBuffer>;
  /** Undefined until the first page is there. */
  readonly isLoaded: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<unknown>;
  /** New rows are held back while the list is paused, or scrolled away from its top. */
  readonly isPaused: Signal<boolean>;
  readonly isAway: Signal<boolean>;
  /** Begins to follow. Returns the function that ends this. */
  readonly follow: () => () => void;
  /** Shows the rows that are held back. */
  readonly showNew: () => void;
  readonly readOlder: () => void;
  readonly reload: () => void;
}

/** Creates the list of changes that match a filter. */
export const createTail = (filter: ChangeFilter): Tail => {
  const buffer = signal<RowBuffer>(emptyBuffer);
  const isLoaded = signal(false);
  const error = signal<unknown>(undefined);
  const isPaused = signal(false);
  const isAway = signal(false);
  // Rows that arrive while a page is read come after the page's rows.
  let arrived: { readonly rows: readonly ChangeRow[]; readonly skipped: number }[] | undefined;
  let isReadingOlder = false;
  const holds = (): boolean => isPaused.peek() || isAway.peek();

  const read = (before?: number): Promise<ChangePage> =>
    get<ChangePage>("/api/changes", { ...filter, before, limit: pageSize });
  const load = async (take: (page: ChangePage) => RowBuffer): Promise<void> => {
    arrived = [];
    try {
      buffer.value = take(await read());
      error.value = undefined;
      isLoaded.value = true;
    } catch (cause) {
      error.value = cause;
    }
    const late = arrived;
    arrived = undefined;
    for (const { rows, skipped } of late) buffer.value = addRows(buffer.value, rows, { skipped, holds: holds() });
  };
  const reload = (): void => {
    load(pageOnly).catch((cause: unknown) => {
      error.value = cause;
    });
  };
  const readOlder = async (): Promise<void> => {
    const oldest = buffer.peek().rows.at(-1);
    if (isReadingOlder || oldest === undefined || !buffer.peek().hasMore) return;
    isReadingOlder = true;
    try {
      const page = await read(oldest.seq);
      buffer.value = addOlder(buffer.value, page);
      error.value = undefined;
    } catch (cause) {
      error.value = cause;
    }
    isReadingOlder = false;
  };
  return {
    buffer,
    isLoaded,
    error,
    isPaused,
    isAway,
    follow: () =>
      followRows(filter, {
        onOpen: () => {
          load((page) => takeNewest(buffer.peek(), page, holds())).catch((cause: unknown) => {
            error.value = cause;
          });
        },
        onRows: (rows, skipped) => {
          if (arrived === undefined) buffer.value = addRows(buffer.peek(), rows, { skipped, holds: holds() });
          else arrived.push({ rows, skipped });
        },
      }),
    showNew: () => {
      if (buffer.peek().isStale) reload();
      else buffer.value = releaseRows(buffer.peek());
    },
    readOlder: () => {
      readOlder().catch((cause: unknown) => {
        error.value = cause;
      });
    },
    reload,
  };
};
