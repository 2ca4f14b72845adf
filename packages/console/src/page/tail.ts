// The list of changes: its rows, kept current by the live answer, and read page by page towards older ones.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ChangeFilter, ChangePage, ChangeRow } from "../api/changes.ts";
import { get } from "./client.ts";
import { followRows } from "./live.ts";
import { addOlder, addRows, emptyBuffer, pageOnly, type RowBuffer, releaseRows, takeNewest } from "./row-buffer.ts";

const pageSize = 200;

/** The list of changes of one filter. */
export interface Tail {
  readonly id: number;
  readonly buffer: ReadonlySignal<RowBuffer>;
  /** False until the first page is there. */
  readonly isLoaded: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<unknown>;
  /** New rows are held back while the list is paused, scrolled away from its top, or a row has the focus. */
  readonly isPaused: Signal<boolean>;
  readonly isAway: Signal<boolean>;
  readonly isFocused: Signal<boolean>;
  /** How far the list is scrolled, for the way back to it. */
  readonly place: { top: number };
  /** Begins to follow. Returns the function that ends this. */
  readonly follow: () => () => void;
  /** Shows the rows that are held back, unless there is still a reason to hold them. */
  readonly catchUp: () => void;
  readonly readOlder: () => void;
  readonly reload: () => void;
}

/** What the list shows. */
interface Shown {
  readonly buffer: Signal<RowBuffer>;
  readonly error: Signal<unknown>;
  readonly isLoaded: Signal<boolean>;
  readonly isHeld: ReadonlySignal<boolean>;
}

const readPage = (filter: ChangeFilter, before?: number): Promise<ChangePage> =>
  get<ChangePage>("/api/changes", { ...filter, before, limit: pageSize });

/** The newest page, and the rows that arrive. Rows that arrive while a page is read come after the page's rows. */
const newestRows = (filter: ChangeFilter, { buffer, error, isLoaded, isHeld }: Shown) => {
  let arrived: { readonly rows: readonly ChangeRow[]; readonly skipped: number }[] | undefined;
  let turn = 0;
  const add = (rows: readonly ChangeRow[], skipped: number): void => {
    if (arrived === undefined) buffer.value = addRows(buffer.peek(), rows, { skipped, holds: isHeld.peek() });
    else arrived.push({ rows, skipped });
  };
  const load = async (take: (page: ChangePage) => RowBuffer): Promise<void> => {
    turn += 1;
    const own = turn;
    arrived = [];
    try {
      const page = await readPage(filter);
      if (own !== turn) return;
      buffer.value = take(page);
      error.value = undefined;
      isLoaded.value = true;
    } catch (cause) {
      if (own !== turn) return;
      error.value = cause;
    }
    const meanwhile = arrived;
    arrived = undefined;
    for (const { rows, skipped } of meanwhile) add(rows, skipped);
  };
  return { add, load };
};

/** Reads the next page of older rows, one at a time. */
const olderRows = (filter: ChangeFilter, { buffer, error }: Shown) => {
  let isReading = false;
  return async (): Promise<void> => {
    const oldest = buffer.peek().rows.at(-1);
    if (isReading || oldest === undefined || !buffer.peek().hasMore) return;
    isReading = true;
    try {
      const page = await readPage(filter, oldest.seq);
      buffer.value = addOlder(buffer.peek(), page, oldest);
      error.value = undefined;
    } catch (cause) {
      error.value = cause;
    }
    isReading = false;
  };
};

let nextId = 1;

/** Creates the list of changes that match a filter. */
export const createTail = (filter: ChangeFilter): Tail => {
  const holds = { isPaused: signal(false), isAway: signal(false), isFocused: signal(false) };
  const shown: Shown = {
    buffer: signal(emptyBuffer),
    error: signal(undefined),
    isLoaded: signal(false),
    isHeld: computed(() => Object.values(holds).some(({ value }) => value)),
  };
  const { buffer, error, isHeld } = shown;
  const { add, load } = newestRows(filter, shown);
  const older = olderRows(filter, shown);
  const begin = (reading: Promise<void>): void => {
    reading.catch((cause: unknown) => {
      error.value = cause;
    });
  };
  const reload = (): void => begin(load(pageOnly));
  return {
    ...shown,
    ...holds,
    id: nextId++,
    place: { top: 0 },
    follow: () => {
      // A row that left the page with the focus did not report the loss.
      holds.isFocused.value = false;
      return followRows(filter, {
        onOpen: () => begin(load((page) => takeNewest(buffer.peek(), page, isHeld.peek()))),
        onRows: add,
      });
    },
    catchUp: () => {
      if (isHeld.peek()) return;
      if (buffer.peek().isStale) reload();
      else buffer.value = releaseRows(buffer.peek());
    },
    readOlder: () => begin(older()),
    reload,
  };
};
