import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ChangePage, ChangeRow } from "../src/index.ts";
import {
  addOlder,
  addRows,
  emptyBuffer,
  maxRows,
  pageOnly,
  type RowBuffer,
  releaseRows,
  takeNewest,
} from "../src/page/row-buffer.ts";

const row = (seq: number, server = 1): ChangeRow => ({
  seq,
  at: server * 1_000_000 + seq,
  pipeline: "orders",
  route: "orders-to-postgres",
  origin: "stream",
  eventId: `event-${server}-${seq}`,
  keys: { id: { S: `o-${seq}` } },
  kind: "insert",
  version: undefined,
  outcome: "delivered",
  attempts: 1,
});

/** Rows from `first` to `last`, oldest first. */
const rowsTo = (first: number, last: number, server = 1): ChangeRow[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => row(first + index, server));

/** The page that a server with rows 1 to `last` gives. */
const newestPage = (last: number, size: number, server = 1): ChangePage => ({
  rows: rowsTo(Math.max(1, last - size + 1), last, server).reverse(),
  hasMore: last > size,
});

const seqs = ({ rows }: RowBuffer): number[] => rows.map(({ seq }) => seq);

/** A list, and the number of the newest row at the server. */
interface State {
  readonly buffer: RowBuffer;
  readonly last: number;
}

type Step = (state: State) => State;

describe("the rows of the list of changes", () => {
  test("are each there once, newest first, however batches, pages and pauses come", () => {
    const live = fc.record({ count: fc.integer({ min: 1, max: 30 }), holds: fc.boolean() }).map(
      ({ count, holds }): Step =>
        ({ buffer, last }) => ({
          buffer: addRows(buffer, rowsTo(last + 1, last + count), { holds }),
          last: last + count,
        }),
    );
    const again = fc.integer({ min: 1, max: 20 }).map(
      (back): Step =>
        ({ buffer, last }) => ({ buffer: addRows(buffer, rowsTo(last - back + 1, last)), last }),
    );
    const newest = fc.boolean().map(
      (holds): Step =>
        ({ buffer, last }) => ({ buffer: takeNewest(buffer, newestPage(last, 100), holds), last }),
    );
    const release = fc.constant<Step>(({ buffer, last }) => ({ buffer: releaseRows(buffer), last }));
    const older = fc.constant<Step>(({ buffer, last }) => {
      const oldest = buffer.rows.at(-1);
      if (oldest === undefined) throw new Error("the list has no rows");
      return { buffer: addOlder(buffer, newestPage(oldest.seq - 1, 100), oldest), last };
    });
    const steps = fc.array(fc.oneof(live, again, newest, release, older), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), steps, (begin, all) => {
        let state: State = { buffer: pageOnly(newestPage(begin, 100)), last: begin };
        for (const step of all) {
          state = step(state);
          const { buffer, last } = state;
          const known = [...buffer.held, ...buffer.rows].map(({ seq }) => seq);
          expect(known).toEqual(Array.from({ length: known.length }, (_, index) => last - index));
          expect(buffer.heldCount).toBe(buffer.held.length);
        }
      }),
    );
  });

  test("are bounded, shown and held", () => {
    const full = addRows(emptyBuffer, rowsTo(1, maxRows));
    const shown = addRows(full, rowsTo(maxRows + 1, maxRows + 300));
    expect(shown.rows).toHaveLength(maxRows);
    expect(shown.rows[0]?.seq).toBe(maxRows + 300);
    expect(shown.hasMore).toBe(true);
    const held = addRows(full, rowsTo(maxRows + 1, 2 * maxRows + 300), { holds: true });
    expect(held.held).toHaveLength(maxRows);
    expect(held).toMatchObject({ heldCount: maxRows + 300, isStale: true });
    expect(held.rows).toBe(full.rows);
  });

  test("stand still while they are held, and count what is new, also what the server skipped", () => {
    const before = addRows(emptyBuffer, rowsTo(1, 10));
    const held = addRows(before, rowsTo(31, 40), { holds: true, skipped: 20 });
    expect(held.rows).toBe(before.rows);
    expect(held).toMatchObject({ heldCount: 30, isStale: true });
    expect(addRows(before, rowsTo(31, 40), { skipped: 20 })).toMatchObject({ skipped: 20, heldCount: 0 });
  });

  test("follow a short break of the connection without a gap", () => {
    const before = pageOnly(newestPage(50, 20));
    expect(seqs(takeNewest(before, newestPage(60, 20), false))[0]).toBe(60);
    expect(takeNewest(before, newestPage(60, 20), true)).toMatchObject({ heldCount: 10, isStale: false });
  });

  test("are replaced after a long break, unless a person reads them", () => {
    const before = pageOnly(newestPage(50, 20));
    const page = newestPage(500, 20);
    expect(takeNewest(before, page, false)).toEqual(pageOnly(page));
    const reading = takeNewest(before, page, true);
    expect(reading.rows).toBe(before.rows);
    expect(reading).toMatchObject({ heldCount: 450, isStale: true });
  });

  test("take no older rows that were asked for before the list began anew", () => {
    const before = pageOnly(newestPage(50, 20));
    const [oldest] = before.rows.slice(-1);
    if (oldest === undefined) throw new Error("the list has no rows");
    const page = newestPage(oldest.seq - 1, 20);
    expect(addOlder(before, page, oldest).rows).toHaveLength(40);
    const anew = pageOnly(newestPage(500, 20));
    expect(addOlder(anew, page, oldest)).toBe(anew);
  });

  test("are replaced when another server counts from 1 again", () => {
    const before = pageOnly(newestPage(50, 20));
    for (const holds of [true, false]) {
      const page = newestPage(30, 20, 2);
      expect(takeNewest(before, page, holds)).toEqual(pageOnly(page));
      expect(takeNewest(before, { rows: [], hasMore: false }, holds).rows).toEqual([]);
    }
  });
});
