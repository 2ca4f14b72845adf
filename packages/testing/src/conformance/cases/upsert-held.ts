// What verify and repair need of an upsert sink: repairs as guarded writes, and the methods read, canonical and keys.

import { type Change, decodeRecord, type HeldCopy } from "@sluice/core/sink-kit";
import { playHistory, randomHistory } from "../../random/history.ts";
import type { SpecimenItem } from "../../records/specimen.ts";
import { streamRecord } from "../../records/stream-record.ts";
import { type Case, casesFor } from "../case.ts";
import { canonicalText, expectEqual, expectThat, mismatch } from "../expectation.ts";
import { type Harness, lastOfEach, type SpecimenChange } from "../harness.ts";
import { invoke } from "./upsert-parallel.ts";

/**
 * The repair of a copy with the held version. It writes or removes the item as it was read: a state that the table had, so
 * that a target key that depends on the item is the same.
 */
export const repairOf = (
  held: SpecimenChange,
  micros: number,
  item: SpecimenItem,
  isRemoval = false,
): Change<SpecimenItem> => {
  const sequenceNumber = `${held.sequenceNumber.split(".")[0]}.${String(micros).padStart(16, "0")}`;
  const images = isRemoval ? { before: item } : { after: { ...item, note: `repaired ${micros}` } };
  return decodeRecord<SpecimenItem>(streamRecord({ tableName: "Specimens", sequenceNumber, ...images }));
};

/** The item after a change. */
export const itemOf = ({ after }: SpecimenChange): SpecimenItem =>
  after ?? mismatch("item after a put", "none", "an item");

const outcomesOf = async (harness: Harness, changes: readonly SpecimenChange[]): Promise<readonly string[]> => {
  const outcomes: string[] = [];
  for (const change of changes) outcomes.push((await harness.write([change])).outcomeOf(change));
  return outcomes;
};

const oneHeld = async (harness: Harness, change: SpecimenChange): Promise<HeldCopy> => {
  const [held] = await harness.read([change]);
  return held ?? mismatch("read of an item that was written", "undefined", "what the target holds");
};

/** Asserts that the target holds this change as a live copy, with the content that `canonical` predicts. */
const expectLive = async (harness: Harness, change: SpecimenChange): Promise<void> => {
  const { version, state, content } = await oneHeld(harness, change);
  expectEqual([version, state], [change.version, "live"], "version and state of a live copy");
  const [expected] = await harness.canonical([change]);
  expectEqual(
    canonicalText(content),
    canonicalText(expected),
    "content that read returns, and that canonical predicts",
  );
};

const expectRemoved = async (harness: Harness, change: SpecimenChange, version: string): Promise<void> => {
  const held = await oneHeld(harness, change);
  expectEqual([held.version, held.state], [version, "removed"], "version and state of a tombstone");
  expectThat(held.content === undefined, "content of a tombstone", "some", "none");
};

/** The cases for verify and repair. */
export const heldCases: readonly Case[] = casesFor("upsert", [
  {
    id: "U16",
    name: "a repair is delivered if and only if the target still holds the version that it repairs",
    run: async (harness, table) => {
      const [held, next, other] = [table.put("a"), table.put("a"), table.put("b")];
      const removal = table.remove("b");
      const [first, second, late] = [5, 6, 7].map((micros) => repairOf(held, micros, itemOf(held))) as [
        SpecimenChange,
        SpecimenChange,
        SpecimenChange,
      ];
      const revived = repairOf(removal, 5, itemOf(other));
      const buried = repairOf(removal, 6, itemOf(other), true);
      const steps = [held, first, first, second, first, next, late, other, removal, revived, other, buried, revived];
      const expected = ["delivered", "delivered", "superseded", "delivered", "superseded", "delivered", "superseded"];
      const after = ["delivered", "delivered", "delivered", "superseded", "delivered", "superseded"];
      expectEqual(await outcomesOf(harness, steps), [...expected, ...after], "outcomes");
      await harness.expectHeld([held, next, other, removal, buried]);
    },
  },
  {
    id: "U17",
    name: "read returns the version, the state and the content of an item, and nothing of an unknown one",
    needs: ["read"],
    run: async (harness, table) => {
      const [a, b, unknown] = [table.put("a"), table.put("b", { amount: 5 }), table.put("c")];
      await harness.write([a, b]);
      const [nothing] = await harness.read([unknown]);
      expectThat(nothing === undefined, "read of an unknown item", nothing, "undefined");
      await expectLive(harness, a);
      await expectLive(harness, b);
      const [changed, removal] = [table.put("a", { note: undefined }), table.remove("b")];
      const [before, after] = await harness.canonical([a, changed]);
      expectThat(canonicalText(before) !== canonicalText(after), "canonical of two items", "equal", "different");
      const [stale] = await harness.read([changed]);
      expectThat(
        canonicalText(stale?.content) !== canonicalText(after),
        "content of a stale copy",
        "equal",
        "different",
      );
      const unwanted = await oneHeld(harness, removal);
      expectEqual([unwanted.version, unwanted.state], [b.version, "live"], "version and state for a removal");
      await harness.write([changed, removal]);
      await harness.write([a]);
      await expectLive(harness, changed);
      await expectRemoved(harness, b, removal.version);
      const repaired = repairOf(changed, 5, itemOf(changed));
      await harness.write([repaired]);
      await expectLive(harness, repaired);
      const leaving = table.put("a");
      await harness.write([leaving], { isLeaving: true });
      await expectRemoved(harness, a, leaving.version);
      await expectRemoved(harness, removal, removal.version);
      const together = await harness.read([unknown, changed, b]);
      expectEqual(
        together.map((held) => held?.state ?? "unknown"),
        ["unknown", "removed", "removed"],
        "states of several items",
      );
      expectEqual(await harness.read([]), [], "read of no items");
    },
  },
  {
    id: "U18",
    name: "after random histories, each copy has the content that canonical predicts, and each other item a tombstone",
    needs: ["read"],
    run: async (harness) => {
      for (let seed = harness.seed; seed < harness.seed + 4; seed += 1) {
        const history = randomHistory(seed, { prefix: `held-${seed}` });
        const changes = history.records.map((record) => decodeRecord<SpecimenItem>(record));
        await playHistory(history, (records) => invoke(harness, records));
        for (const last of lastOfEach(changes)) {
          if (last.kind === "remove") await expectRemoved(harness, last, last.version);
          else await expectLive(harness, last);
        }
      }
    },
  },
]);
