// The guard of an upsert sink, one change at a time: C05, U01 to U09, U13 to U15.

import { type Change, decodeRecord } from "@sluice/core/sink-kit";
import { keysOf, type SpecimenItem, type SpecimenTable, specimenTable } from "../../records/specimen.ts";
import { streamRecord } from "../../records/stream-record.ts";
import { type Case, casesFor } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";

/** Writes each change in its own call, and returns the outcomes. */
const oneByOne = async (harness: Harness, changes: readonly SpecimenChange[]): Promise<readonly string[]> => {
  const outcomes: string[] = [];
  for (const change of changes) outcomes.push((await harness.write([change])).outcomeOf(change));
  return outcomes;
};

const permutations = <Entry>(entries: readonly Entry[]): Entry[][] => {
  if (entries.length <= 1) return [[...entries]];
  return entries.flatMap((first, index) =>
    permutations([...entries.slice(0, index), ...entries.slice(index + 1)]).map((rest) => [first, ...rest]),
  );
};

/** A change of the item `a` in the stream with this label. */
const changeIn = (streamLabel: string, sequenceNumber: string, revision: number): Change<SpecimenItem> =>
  decodeRecord<SpecimenItem>(
    streamRecord({
      tableName: "Specimens",
      streamLabel,
      sequenceNumber,
      after: { ...keysOf("a"), revision, note: `revision ${revision}` },
    }),
  );

const firstStream = "2026-01-02T03:04:05.678";
const secondStream = "2026-03-01T00:00:00.000";
/** The sequence number of what a backfill read at or after this time, in microseconds. */
const asOf = (micros: number): string => `0.${String(micros).padStart(16, "0")}`;

/** Creates a case that writes each change of `script` in its own call, and expects the outcome that `script` gives. */
const sequence = (
  id: Case["id"],
  name: string,
  script: (table: SpecimenTable) => readonly (readonly [SpecimenChange, "delivered" | "superseded"])[],
): Case => ({
  id,
  name,
  run: async (harness, table) => {
    const steps = script(table);
    const changes = steps.map(([change]) => change);
    const expected = steps.map(([, outcome]) => outcome);
    expectEqual(await oneByOne(harness, changes), expected, "outcomes");
    await harness.expectHeld(changes);
  },
});

/** The cases of upsert sinks with one writer. */
export const guardCases: readonly Case[] = casesFor("upsert", [
  sequence("C05", "a stale change never overwrites, and is superseded", (table) => {
    const [first, second, third] = [table.put("a"), table.put("a"), table.put("a")];
    return [
      [third, "delivered"],
      [second, "superseded"],
      [first, "superseded"],
    ];
  }),
  {
    id: "U01",
    name: "the last state of an item stays, in whatever order its changes arrive",
    run: async (harness) => {
      const all: SpecimenChange[] = [];
      for (const endsRemoved of [false, true]) {
        for (const [index, order] of permutations([0, 1, 2, 3]).entries()) {
          const table = specimenTable();
          const name = `${endsRemoved}-${index}`;
          const start = [table.put(name), table.remove(name), table.put(name)];
          const changes = [...start, endsRemoved ? table.remove(name) : table.put(name)];
          await oneByOne(
            harness,
            order.map((place) => changes[place] as SpecimenChange),
          );
          all.push(...changes);
        }
      }
      await harness.expectHeld(all);
    },
  },
  sequence("U02", "an older upsert after a removal does not restore the item, and is superseded", (table) => {
    const [insert, modify, removal] = [table.put("a"), table.put("a"), table.remove("a")];
    return [
      [insert, "delivered"],
      [removal, "delivered"],
      [modify, "superseded"],
      [insert, "superseded"],
    ];
  }),
  sequence("U03", "the removal of an unknown item leaves a tombstone: an older upsert is superseded", (table) => {
    const [insert, removal] = [table.put("a"), table.remove("a")];
    return [
      [removal, "delivered"],
      [insert, "superseded"],
    ];
  }),
  {
    id: "U04",
    name: "an equal version does not fail, and changes nothing",
    run: async (harness, table) => {
      const [insert, other, removal] = [table.put("a"), table.put("b"), table.remove("b")];
      const outcomes = await oneByOne(harness, [insert, insert, other, removal, removal]);
      const failed = outcomes.filter((outcome) => outcome !== "delivered" && outcome !== "superseded");
      expectEqual(failed, [], "failures");
      await harness.expectHeld([insert, other, removal]);
    },
  },
  sequence(
    "U05",
    "a change of a re-created stream outranks every change of the earlier stream, with any sequence number",
    () => {
      const before = changeIn(firstStream, "9".repeat(40), 1);
      const after = changeIn(secondStream, "1".repeat(21), 2);
      return [
        [before, "delivered"],
        [after, "delivered"],
        [before, "superseded"],
      ];
    },
  ),
  sequence("U06", "a backfill ranks below every change of its stream, and above earlier backfills and streams", () => {
    const earlier = changeIn(firstStream, "9".repeat(40), 1);
    const backfill = changeIn(secondStream, asOf(1_767_323_045_000_000), 2);
    const later = changeIn(secondStream, asOf(1_767_323_045_000_001), 3);
    const live = changeIn(secondStream, "1".repeat(21), 4);
    // DynamoDB Local numbers its changes from 1.
    const first = changeIn(secondStream, "1", 5);
    return [
      [earlier, "delivered"],
      [backfill, "delivered"],
      [later, "delivered"],
      [backfill, "superseded"],
      [first, "delivered"],
      [later, "superseded"],
      [live, "delivered"],
      [later, "superseded"],
    ];
  }),
  sequence("U07", "sequence numbers of different lengths compare as numbers", () => {
    const short = changeIn(firstStream, `9${"0".repeat(20)}`, 1);
    const long = changeIn(firstStream, `1${"0".repeat(24)}`, 2);
    const next = changeIn(firstStream, `1${"0".repeat(23)}1`, 3);
    return [
      [short, "delivered"],
      [long, "delivered"],
      [short, "superseded"],
      [next, "delivered"],
      [long, "superseded"],
    ];
  }),
  {
    id: "U08",
    name: "within one call, new changes are delivered and stale ones are superseded",
    run: async (harness, table) => {
      const stale = table.put("a");
      await oneByOne(harness, [table.put("a")]);
      const fresh = table.put("b");
      const written = await harness.write([stale, fresh]);
      expectEqual([stale, fresh].map(written.outcomeOf), ["superseded", "delivered"], "outcomes");
      expectEqual(written.errors.map(String), [], "errors");
    },
  },
  {
    id: "U09",
    name: "an item without a message is removed, missing attributes are removed, and keys do not collide",
    run: async (harness, table) => {
      const leaving = [table.put("a"), table.put("a")] as const;
      await harness.write([leaving[0]]);
      await harness.write([leaving[1]], { isLeaving: true });
      expectEqual((await harness.write([leaving[0]])).outcomeOf(leaving[0]), "superseded", "outcome after the removal");
      await harness.expectHeld([]);
      const back = table.put("a", { amount: 5 });
      const reduced = table.put("a", { note: undefined });
      const twins = [table.put("x", { pk: "a#b", sk: "c" }), table.put("y", { pk: "a", sk: "b#c" })];
      await oneByOne(harness, [back, reduced, ...twins]);
      await harness.expectHeld([...leaving, back, reduced, ...twins]);
      expectThat((await harness.heldText()) !== "", "content of the target", "nothing", "three items");
    },
  },
  {
    id: "U13",
    name: "dryRun returns the outcomes of a write, tombstones included, and writes nothing",
    needs: ["dryRun"],
    run: async (harness, table) => {
      const [old, held, next] = [table.put("a"), table.put("a"), table.put("a")];
      const [gone, removal] = [table.put("b"), table.remove("b")];
      const outcomeOf = async (change: SpecimenChange) => (await harness.dryRun([change])).outcomeOf(change);
      expectEqual(await outcomeOf(old), "delivered", "dryRun with an empty target");
      expectEqual(await outcomeOf(removal), "delivered", "dryRun of a removal with an empty target");
      await harness.expectHeld([]);
      await oneByOne(harness, [held, removal]);
      const changes = [old, held, next, gone, removal];
      const predicted = await Promise.all(changes.map(outcomeOf));
      const expected = ["superseded", "superseded", "delivered", "superseded", "superseded"];
      expectEqual(
        predicted,
        expected,
        "dryRun of an older, equal and newer change, an insert before its removal, and the removal",
      );
      await harness.expectHeld([held, removal]);
      const together = await harness.dryRun([next, gone]);
      expectEqual([next, gone].map(together.outcomeOf), ["delivered", "superseded"], "dryRun of two items");
      expectEqual((await harness.write([next])).outcomeOf(next), "delivered", "write after dryRun");
    },
  },
  {
    id: "U14",
    name: "of two deliveries with the same version, the one with a message wins, in either order",
    run: async (harness, table) => {
      const [a, b] = [
        [table.put("a"), table.put("a")],
        [table.put("b"), table.put("b")],
      ] as const;
      await oneByOne(harness, [a[0], b[0]]);
      await harness.write([a[1]], { isLeaving: true });
      expectEqual(
        (await harness.write([a[1]])).outcomeOf(a[1]),
        "delivered",
        "outcome of the message after the removal",
      );
      await harness.write([b[1]]);
      const later = await harness.write([b[1]], { isLeaving: true });
      expectEqual(later.outcomeOf(b[1]), "superseded", "outcome of the removal after the message");
      await harness.expectHeld([...a, ...b]);
      expectEqual(await oneByOne(harness, [a[0], a[1]]), ["superseded", "superseded"], "outcomes of repeats");
      const removal = table.remove("a");
      await oneByOne(harness, [removal, a[1]]);
      await harness.expectHeld([...a, ...b, removal]);
    },
  },
  {
    id: "U15",
    name: "with onlyIfPresent, an older copy is removed and a newer copy stays",
    run: async (harness, table) => {
      const precaution = { isLeaving: true, onlyIfPresent: true } as const;
      const [held, leaving, absent] = [table.put("a"), table.put("a"), table.put("b")];
      const [old, newer] = [table.put("c"), table.put("c")];
      await oneByOne(harness, [held, newer]);
      const written = await harness.write([leaving, absent, old], precaution);
      expectEqual(written.outcomeOf(leaving), "delivered", "outcome with an older copy");
      expectEqual(written.outcomeOf(old), "superseded", "outcome with a newer copy");
      await harness.expectHeld([newer]);
      expectEqual((await harness.write([held])).outcomeOf(held), "superseded", "outcome of an older change");
      await harness.expectHeld([newer]);
      const next = table.put("b");
      await oneByOne(harness, [next]);
      await harness.expectHeld([newer, next]);
    },
  },
]);
