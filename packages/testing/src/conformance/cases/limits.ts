// A sink splits a batch to the limits of its target: C07, C08.

import { type SpecimenTable, specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, mismatch } from "../expectation.ts";
import { type Bench, deliverAll, type SpecimenChange } from "../harness.ts";

/** Writes a batch, expects it whole in the target, and counts its requests. */
const requestsFor = async (
  bench: Bench,
  changes: readonly SpecimenChange[],
  all: SpecimenChange[],
): Promise<number> => {
  const before = bench.requests();
  const written = await bench.write(changes);
  expectEqual(
    changes.map(written.outcomeOf),
    changes.map(() => "delivered"),
    `outcomes of ${changes.length} deliveries`,
  );
  all.push(...changes);
  await bench.expectHeld(all);
  return bench.requests() - before;
};

const expectSplit = (found: readonly [below: number, at: number, above: number], what: string): void => {
  const [below, at, above] = found;
  expectThat(at <= below, `requests for ${what} at the limit`, at, `at most ${below}, as for one less`);
  expectThat(above > at, `requests for ${what} over the limit`, above, `more than ${at}`);
};

/** A live change with a note of this many bytes: half of them in characters of two bytes, so that UTF-8 counts. */
const changeWithNote = (table: SpecimenTable, name: string, bytes: number): SpecimenChange => {
  const wide = Math.floor(Math.max(bytes, 0) / 4);
  return table.put(name, { note: "é".repeat(wide) + "x".repeat(Math.max(bytes, 0) - 2 * wide) });
};

/** Two changes of new items whose deliveries take this many bytes together. */
const pairOf = (bench: Bench, table: SpecimenTable, total: number): readonly SpecimenChange[] => {
  const { sizeOf } = bench.limits.maxBytes ?? mismatch("limits.maxBytes", "none", "one");
  let noteBytes = 1;
  // Revisions and versions are part of a message and may grow by a digit on the way, so that one try more is needed.
  for (let tries = 0; tries < 8; tries += 1) {
    const first = changeWithNote(table, `${total}-first-${tries}`, Math.floor(total / 3));
    const second = changeWithNote(table, `${total}-second-${tries}`, noteBytes);
    const missing = total - sizeOf(bench.deliveryOf(first)) - sizeOf(bench.deliveryOf(second));
    if (missing === 0) return [first, second];
    noteBytes += missing;
  }
  return mismatch(`limits.maxBytes.sizeOf of a pair for ${total} bytes`, "another size every time", "that size");
};

export const limitCases: readonly Case[] = [
  {
    id: "C07",
    name: "a batch is split at the most entries of a request: one less, exactly, one more",
    needsLimit: "maxEntries",
    run: async (bench) => {
      const { maxEntries = 0 } = bench.limits;
      const table = specimenTable();
      const all: SpecimenChange[] = [];
      const requests = async (count: number): Promise<number> =>
        requestsFor(
          bench,
          Array.from({ length: count }, (_, index) => table.put(`${count}-${index}`)),
          all,
        );
      // Of one entry at most, one less would be none.
      const below = maxEntries > 1 ? await requests(maxEntries - 1) : 1;
      expectSplit([below, await requests(maxEntries), await requests(maxEntries + 1)], "entries");
    },
  },
  {
    id: "C08",
    name: "a batch is split at the most bytes of a request, counted in UTF-8: one less, exactly, one more",
    needsLimit: "maxBytes",
    run: async (bench) => {
      const total = bench.limits.maxBytes?.total ?? 0;
      const table = specimenTable();
      const all: SpecimenChange[] = [];
      const requests = (bytes: number): Promise<number> => requestsFor(bench, pairOf(bench, table, bytes), all);
      expectSplit([await requests(total - 1), await requests(total), await requests(total + 1)], "bytes");
    },
  },
  {
    id: "C08",
    name: "a message over the limit by itself fails with SINK_TOO_LARGE, without a request and alone",
    needsLimit: "maxBytes",
    run: async (bench) => {
      const total = bench.limits.maxBytes?.total ?? 0;
      const table = specimenTable();
      const large = changeWithNote(table, "large", total + 1);
      const small = table.put("small");
      const before = bench.requests();
      expectEqual((await bench.write([large])).outcomeOf(large), "SINK_TOO_LARGE", "outcome of the large one");
      expectEqual(bench.requests() - before, 0, "requests for a message that no request can hold");
      const written = await bench.write([large, small]);
      expectEqual([large, small].map(written.outcomeOf), ["SINK_TOO_LARGE", "delivered"], "outcomes together");
      await deliverAll(bench, [small]);
      await bench.expectHeld([small], "allowed");
    },
  },
];
