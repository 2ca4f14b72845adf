// A source whose pages wait for the limit of items and for the live stream.

import type { ItemSource, SourcePage, Unit } from "../source/source.ts";
import type { ItemRate } from "./item-rate.ts";
import type { LagGate } from "./lag-gate.ts";

/** What the pages of a source wait for. */
export interface Pace {
  readonly items?: ItemRate | undefined;
  readonly lag?: LagGate | undefined;
}

async function* pacedPages(
  source: ItemSource,
  { items, lag }: Pace,
  unit: Unit,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<SourcePage, void, undefined> {
  for await (const page of source.pages(unit, after, signal)) {
    await lag?.pass(signal);
    await items?.take(page.records.length, signal);
    if (signal.aborted) return;
    yield page;
  }
}

/** Returns the same source, with pages that wait until the items may be sent. */
export const pacedSource = (source: ItemSource, pace: Pace): ItemSource => ({
  ...source,
  pages: (unit, after, signal) => pacedPages(source, pace, unit, after, signal),
});
