// A backfill of synthetic pages by a pipeline whose sink keeps nothing, so that only Sluice's own work is left.

import { backfill, backfillRecord, type Invoke, type ItemSource, microsOf, newRun, type Unit } from "@sluice/backfill";
import { pipeline } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { delivered, type Sink } from "@sluice/core/sink-kit";
import { lambdaContext, toImage } from "@sluice/testing";
import { filmsUpTo, keyAttribute } from "./films.ts";
import { silent } from "./pipeline-handler.ts";

/** A page of DynamoDB has at most a megabyte: a thousand items of one kilobyte. */
const pageSize = 1_000;
const segments = 4;

const streamArn = "arn:aws:dynamodb:us-east-1:000000000000:table/Films/stream/2026-01-01T00:00:00.000";
const asOf = microsOf(Date.UTC(2026, 0, 2));
const origin = { run: "bench", streamArn, keyNames: [keyAttribute] };

/** Returns the record of the item with this number. No two records share an object, as if they came over the network. */
type RecordAt = (index: number) => StreamRecord;

const recordsOfFilms = async (): Promise<RecordAt> => {
  const films = (await filmsUpTo(3_000)).map((film) => JSON.stringify(toImage(film)));
  return (index) => {
    const image = JSON.parse(films[index % films.length] ?? "") as ReturnType<typeof toImage>;
    return backfillRecord(origin, { ...image, [keyAttribute]: { N: String(index) } }, asOf);
  };
};

async function* pagesOf(recordAt: RecordAt, start: number, end: number) {
  for (let from = start; from < end; from += pageSize) {
    const records = Array.from({ length: Math.min(pageSize, end - from) }, (_, index) => recordAt(from + index));
    // A page comes over the network, and so in another turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    yield { records, cursor: from + pageSize < end ? String(from + pageSize) : undefined, readUnits: 0 };
  }
}

const sourceOf = (recordAt: RecordAt, items: number): ItemSource => {
  const startOf = (segment: number): number => Math.floor((items * segment) / segments);
  return {
    name: "synthetic pages",
    units: async () => Array.from({ length: segments }, (_, segment): Unit => ({ kind: "segment", segment, segments })),
    pages: (unit) => {
      const segment = unit.kind === "segment" ? unit.segment : 0;
      return pagesOf(recordAt, startOf(segment), startOf(segment + 1));
    },
  };
};

const discardingSink: Sink<unknown, "upsert"> = {
  name: "discarding",
  supports: { writes: "upsert" },
  write: async (batch) => batch.map((delivery) => delivered(delivery)),
};

/** Copies so many items. `afterRequest` is called after each request to the handler. */
export type SyntheticBackfill = (items: number, afterRequest?: () => void) => Promise<void>;

/** Creates the pipeline, and returns the function that copies items with it. */
export const syntheticBackfill = async (): Promise<SyntheticBackfill> => {
  const recordAt = await recordsOfFilms();
  const handler = pipeline("films", { onReject: "block", logger: silent })
    .to(discardingSink, (change) => ({ item: change.after }))
    .handler();
  return async (items, afterRequest) => {
    const source = sourceOf(recordAt, items);
    const invoke: Invoke = async (event) => {
      const { outcomes = [], routes = [] } = await handler(event, lambdaContext());
      afterRequest?.();
      return { outcomes, routes };
    };
    const subject = { pipeline: "films", source: source.name, tableArn: streamArn, streamArn };
    const { counts } = await backfill({
      source,
      state: newRun(origin.run, subject, { asOf, now: Date.now(), units: await source.units() }),
      store: { save: async () => undefined },
      invoke,
      workers: segments,
      limits: { maxBytes: Number.POSITIVE_INFINITY },
      signal: new AbortController().signal,
      onFailures: async (failures) => {
        throw new Error(`${failures.length} records failed: ${failures[0]?.message}`);
      },
    });
    if (counts.delivered !== items) throw new Error(`${counts.delivered} items were delivered; expected ${items}`);
  };
};
