// A sink splits a batch at the limits of its target: C07, C08.

import type { SpecimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, mismatch } from "../expectation.ts";
import { deliverAll, type Harness, type SpecimenChange } from "../harness.ts";
import { expectOutcomes } from "../write-outcomes.ts";

/** Writes a batch, adds it to `all`, expects `all` in the target, and returns the number of requests for the batch. */
const requestsFor = async (
  harness: Harness,
  changes: readonly SpecimenChange[],
  all: SpecimenChange[],
): Promise<number> => {
  const before = harness.requests();
  const written = await harness.write(changes);
  expectOutcomes(written, changes, "delivered", `outcomes of ${changes.length} deliveries`);
  all.push(...changes);
  await harness.expectHeld(all);
  return harness.requests() - before;
};

const expectSplit = (found: readonly [below: number, at: number, above: number], entity: string): void => {
  const [below, at, above] = found;
  expectThat(at <= below, `requests for ${entity} at the limit`, at, `at most ${below}, as for one less`);
  expectThat(above > at, `requests for ${entity} over the limit`, above, `more than ${at}`);
};

/** A change with a note of this many bytes. Two-byte characters reveal a sink that counts characters, not bytes. */
const changeWithNote = (table: SpecimenTable, name: string, bytes: number): SpecimenChange => {
  const wide = Math.floor(Math.max(bytes, 0) / 4);
  return table.put(name, { note: "é".repeat(wide) + "x".repeat(Math.max(bytes, 0) - 2 * wide) });
};

/** Two changes of new items. Together, their deliveries have `total` bytes. */
const pairOf = (harness: Harness, table: SpecimenTable, total: number): readonly SpecimenChange[] => {
  const { sizeOf } = harness.limits.maxBytes ?? mismatch("limits.maxBytes", "none", "a limit");
  let noteBytes = 1;
  // An attempt may miss the size, because the revision and the version in a message may grow by a digit.
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const first = changeWithNote(table, `${total}-first-${attempt}`, Math.floor(total / 3));
    const second = changeWithNote(table, `${total}-second-${attempt}`, noteBytes);
    const missing = total - sizeOf(harness.deliveryOf(first)) - sizeOf(harness.deliveryOf(second));
    if (missing === 0) return [first, second];
    noteBytes += missing;
  }
  return mismatch(`limits.maxBytes.sizeOf of a pair for ${total} bytes`, "another size every time", "that size");
};

/** The cases of limits. */
export const limitCases: readonly Case[] = [
  {
    id: "C07",
    name: "a batch is split at the maximum entries of a request: one below, at, and one above the limit",
    needsLimit: "maxEntries",
    run: async (harness, table) => {
      const { maxEntries = 0 } = harness.limits;
      const all: SpecimenChange[] = [];
      const requests = (count: number): Promise<number> => requestsFor(harness, table.putMany(count), all);
      // If the limit is one entry, the smaller batch would be empty. It is not written, and counts as one request.
      const below = maxEntries > 1 ? await requests(maxEntries - 1) : 1;
      expectSplit([below, await requests(maxEntries), await requests(maxEntries + 1)], "entries");
    },
  },
  {
    id: "C08",
    name: "a batch is split at the maximum bytes of a request, in UTF-8: one below, at, and one above the limit",
    needsLimit: "maxBytes",
    run: async (harness, table) => {
      const total = harness.limits.maxBytes?.total ?? 0;
      const all: SpecimenChange[] = [];
      const requests = (bytes: number): Promise<number> => requestsFor(harness, pairOf(harness, table, bytes), all);
      expectSplit([await requests(total - 1), await requests(total), await requests(total + 1)], "bytes");
    },
  },
  {
    id: "C08",
    name: "a message above the limit fails alone with SINK_TOO_LARGE, without a request",
    needsLimit: "maxBytes",
    run: async (harness, table) => {
      const total = harness.limits.maxBytes?.total ?? 0;
      const large = changeWithNote(table, "large", total + 1);
      const small = table.put("small");
      const before = harness.requests();
      expectEqual((await harness.write([large])).outcomeOf(large), "SINK_TOO_LARGE", "outcome of the large message");
      expectEqual(harness.requests() - before, 0, "requests for a message that no request can hold");
      const written = await harness.write([large, small]);
      expectEqual([large, small].map(written.outcomeOf), ["SINK_TOO_LARGE", "delivered"], "outcomes together");
      await deliverAll(harness, [small]);
      await harness.expectHeld([small], "allowed");
    },
  },
];
