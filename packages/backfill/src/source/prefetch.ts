// Reads the next page of a unit while the present page is being written.

import { setMaxListeners } from "node:events";
import type { SourcePage } from "./source.ts";

/** Reads the page after a cursor. Resolves with undefined if the signal aborts before. */
export type ReadPage = (after: string | undefined, signal: AbortSignal) => Promise<SourcePage | undefined>;

/** Handles the rejection of a page that is not used any more. A page that is used rejects where it is awaited. */
const started = (page: Promise<SourcePage | undefined>): Promise<SourcePage | undefined> => {
  page.catch(() => {});
  return page;
};

/** Yields the pages of a unit, from a cursor on. One page is read ahead; its request is aborted if the consumer leaves. */
export async function* prefetched(
  read: ReadPage,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<SourcePage, void, undefined> {
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  setMaxListeners(0, either);
  try {
    let next: Promise<SourcePage | undefined> | undefined = started(read(after, either));
    while (next !== undefined) {
      const page: SourcePage | undefined = await next;
      if (page === undefined) return;
      next = page.cursor === undefined ? undefined : started(read(page.cursor, either));
      yield page;
    }
  } finally {
    left.abort();
  }
}
