// A source in memory, whose pages are cut at random places, and which can fail.

import { toImage } from "@sluice/testing";
import { backfillRecord, microsOf, type RecordOrigin } from "../../src/index.ts";
import { type ItemSource, type SourcePage, type Unit, unitName } from "../../src/source/source.ts";

export const origin: RecordOrigin = {
  run: "r-1",
  streamArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-01-02T03:04:05.678",
  keyNames: ["id"],
};

export const asOf: string = microsOf(Date.parse("2026-11-28T08:00:00Z"));

/** Plain items, unit by unit and page by page. */
export type Pages = readonly (readonly (readonly string[])[])[];

export interface MemorySource extends ItemSource {
  /** Number of pages that were read. */
  readonly reads: () => number;
}

/** Creates the source. `onRead` may fail. */
export const memorySource = (pages: Pages, onRead: (read: number) => void = () => undefined): MemorySource => {
  let reads = 0;
  const units = pages.map((_, segment): Unit => ({ kind: "segment", segment, segments: pages.length }));
  async function* pagesOf(unit: Unit, after: string | undefined, signal: AbortSignal): AsyncGenerator<SourcePage> {
    const own = pages[units.findIndex((one) => unitName(one) === unitName(unit))] ?? [];
    for (let page = after === undefined ? 0 : Number(after); page < own.length; page += 1) {
      reads += 1;
      onRead(reads);
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) return;
      const records = (own[page] ?? []).map((id) => backfillRecord(origin, toImage({ id, total: 1 }), asOf));
      yield { records, cursor: page + 1 < own.length ? String(page + 1) : undefined, readUnits: 1 };
    }
  }
  return { name: "table orders", units: async () => units, pages: pagesOf, reads: () => reads };
};

/** The ids of all items of a source. */
export const idsIn = (pages: Pages): string[] => pages.flat(2);
