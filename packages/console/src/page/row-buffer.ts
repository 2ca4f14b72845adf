// The rows that the list of changes shows and holds back. Bounded. No DOM.

import type { ChangePage, ChangeRow } from "../api/changes.ts";

/** The most rows that the page keeps. The server keeps no more. */
export const maxRows = 10_000;

/** Rows of the list, newest first. */
export interface RowBuffer {
  readonly rows: readonly ChangeRow[];
  /** Newer rows that are not shown yet, because the list is paused or scrolled away from its top. */
  readonly held: readonly ChangeRow[];
  /** Number of rows that are not shown yet; more than `held` if rows are missing between. */
  readonly heldCount: number;
  /** Number of rows that the server left out between those that are shown. */
  readonly skipped: number;
  /** Whether the server has older rows. */
  readonly hasMore: boolean;
  /** Whether rows are missing before those that are shown, so that the newest page must be read again. */
  readonly isStale: boolean;
}

/** No rows. */
export const emptyBuffer: RowBuffer = {
  rows: [],
  held: [],
  heldCount: 0,
  skipped: 0,
  hasMore: false,
  isStale: false,
};

const newestSeq = ({ rows, held }: RowBuffer): number => held[0]?.seq ?? rows[0]?.seq ?? 0;

const bounded = (rows: readonly ChangeRow[]): readonly ChangeRow[] =>
  rows.length > maxRows ? rows.slice(0, maxRows) : rows;

/** Adds new rows, oldest first, on top; or holds them back. Rows that are there already are left out. */
export const addRows = (
  buffer: RowBuffer,
  added: readonly ChangeRow[],
  { skipped = 0, holds = false }: { readonly skipped?: number; readonly holds?: boolean } = {},
): RowBuffer => {
  const newest = newestSeq(buffer);
  const fresh = added.filter((row) => row.seq > newest).reverse();
  if (fresh.length === 0) return buffer;
  if (holds) {
    return {
      ...buffer,
      held: bounded([...fresh, ...buffer.held]),
      heldCount: buffer.heldCount + fresh.length + skipped,
      isStale: buffer.isStale || skipped > 0 || buffer.held.length + fresh.length > maxRows,
    };
  }
  const rows = [...fresh, ...buffer.held, ...buffer.rows];
  return {
    ...buffer,
    rows: bounded(rows),
    held: [],
    heldCount: 0,
    skipped: buffer.skipped + skipped,
    hasMore: buffer.hasMore || rows.length > maxRows,
  };
};

/** Shows the rows that were held back. */
export const releaseRows = (buffer: RowBuffer): RowBuffer => ({
  ...buffer,
  rows: bounded([...buffer.held, ...buffer.rows]),
  held: [],
  heldCount: 0,
  hasMore: buffer.hasMore || buffer.held.length + buffer.rows.length > maxRows,
});

const isSame = (a: ChangeRow, b: ChangeRow): boolean =>
  a.seq === b.seq && a.at === b.at && a.route === b.route && a.eventId === b.eventId;

/** Whether a page continues the rows: its rows and the newest one that is known are numbered by the same server. */
const continues = (buffer: RowBuffer, page: ChangePage): boolean => {
  const newest = buffer.held[0] ?? buffer.rows[0];
  return newest !== undefined && page.rows.some((row) => isSame(row, newest));
};

/** Only the rows of a page. */
export const pageOnly = ({ rows, hasMore }: ChangePage): RowBuffer => ({ ...emptyBuffer, rows, hasMore });

/**
 * Takes the newest page after a connection began. Rows that follow those that are known are added. Otherwise rows are
 * missing between, or the server began anew: the page replaces them, unless somebody reads them.
 */
export const takeNewest = (buffer: RowBuffer, page: ChangePage, holds: boolean): RowBuffer => {
  if (buffer.rows.length === 0) return pageOnly(page);
  if (continues(buffer, page)) return addRows(buffer, [...page.rows].reverse(), { holds });
  const [newest] = page.rows;
  if (!holds || newest === undefined || newest.seq <= newestSeq(buffer)) return pageOnly(page);
  return { ...buffer, heldCount: newest.seq - newestSeq(buffer) + buffer.heldCount, isStale: true };
};

/** Adds a page of older rows at the end. */
export const addOlder = (buffer: RowBuffer, page: ChangePage): RowBuffer => {
  const oldest = buffer.rows.at(-1)?.seq ?? Number.POSITIVE_INFINITY;
  const rows = [...buffer.rows, ...page.rows.filter((row) => row.seq < oldest)];
  return { ...buffer, rows: bounded(rows), hasMore: page.hasMore && rows.length < maxRows };
};
