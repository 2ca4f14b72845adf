// What an append sink sends, and how often: A01 to A07.

import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual } from "../expectation.ts";
import { deliverAll, type SpecimenChange } from "../harness.ts";

const fourItems = (round: number): readonly SpecimenChange[] => {
  const table = specimenTable({ streamLabel: `2026-01-0${round + 1}T00:00:00.000` });
  return ["a", "b", "c", "d"].map((name) => table.put(`${round}-${name}`));
};

export const sendingCases: readonly Case[] = [
  {
    id: "A01",
    name: "every change of a call is sent once, removals too",
    writes: "append",
    run: async (bench) => {
      const table = specimenTable();
      const inserts = ["a", "b", "c"].map((name) => table.put(name));
      const removals = ["a", "b"].map((name) => table.remove(name));
      await bench.write(inserts);
      await bench.write(removals);
      await bench.expectHeld([...inserts, ...removals]);
    },
  },
  {
    id: "A02",
    name: "a repeat carries the same idempotency key, and different changes carry different ones",
    writes: "append",
    run: async (bench) => {
      const table = specimenTable();
      const changes = [table.put("a"), table.put("a"), table.remove("a")];
      for (const change of [...changes, ...changes]) await bench.write([change]);
      const keys = await bench.idempotencyKeys();
      const empty = keys.filter((key) => typeof key !== "string" || key === "");
      expectEqual(empty.length, 0, "messages without an idempotency key");
      expectEqual(new Set(keys).size, changes.length, "different idempotency keys");
      await bench.expectHeld(changes, "allowed");
    },
  },
  {
    id: "A03",
    name: "a failure of one item does not stop the others, wherever it stands in the call",
    writes: "append",
    needs: ["refuse"],
    run: async (bench) => {
      const sent: SpecimenChange[] = [];
      for (const place of [0, 1, 2, 3]) {
        const changes = fourItems(place);
        const poison = changes[place] as SpecimenChange;
        await bench.fail({ kind: "refuse", change: poison });
        const written = await bench.write(changes);
        const others = changes.filter((change) => change !== poison);
        expectEqual(
          others.map(written.outcomeOf),
          others.map(() => "delivered"),
          "outcomes of the others",
        );
        sent.push(...others);
      }
      await bench.expectHeld(sent);
    },
  },
  {
    id: "A04",
    name: "the changes of many items, interleaved over many calls, keep their order per item",
    writes: "append",
    run: async (bench) => {
      const table = specimenTable();
      const rounds = Array.from({ length: 6 }, () => ["a", "b", "c", "d", "e"].map((name) => table.put(name)));
      for (const batch of rounds) await bench.write(batch);
      await bench.expectHeld(rounds.flat());
    },
  },
  {
    id: "A05",
    name: "what failed is not there, what was delivered is there once, and writing the rest again completes it",
    writes: "append",
    needs: ["throttle-one"],
    run: async (bench) => {
      const changes = fourItems(0);
      const slow = changes[0] as SpecimenChange;
      const others = changes.slice(1);
      await bench.fail({ kind: "throttle-one", change: slow });
      await bench.write(changes);
      await bench.expectHeld(others);
      await bench.heal();
      await deliverAll(bench, [slow]);
      await bench.expectHeld([...others, slow]);
    },
  },
  {
    id: "A06",
    name: "an item stops at a change that failed: its later changes are sent when that one is, in order, and others go on",
    writes: "append",
    needs: ["throttle-one"],
    run: async (bench) => {
      const table = specimenTable();
      const rounds = Array.from({ length: 4 }, () => ["a", "b", "c"].map((name) => table.put(name)));
      const slow = rounds[1]?.[1] as SpecimenChange;
      const changes = rounds.flat();
      const stopped = changes.filter(({ itemKey, version }) => itemKey === slow.itemKey && version >= slow.version);
      await bench.fail({ kind: "throttle-one", change: slow });
      await bench.invoke(changes);
      await bench.expectHeld(changes.filter((change) => !stopped.includes(change)));
      await bench.heal();
      // More than once, as a target that was ill may have closed a connection.
      let left: readonly SpecimenChange[] = stopped;
      for (let tries = 0; left.length > 0 && tries < 5; tries += 1) left = await bench.invoke(left);
      await bench.expectHeld(changes);
    },
  },
  {
    id: "A07",
    name: "a dryRun sends nothing, and refuses nothing that a write would take",
    writes: "append",
    needs: ["dryRun"],
    run: async (bench) => {
      const changes = fourItems(0);
      const before = bench.requests();
      const peeked = await bench.dryRun(changes);
      expectEqual(
        changes.map(peeked.outcomeOf),
        changes.map(() => "delivered"),
        "outcomes of the dryRun",
      );
      expectEqual(bench.requests() - before, 0, "requests of the dryRun");
      await bench.expectHeld([]);
      await bench.write(changes);
      await bench.expectHeld(changes);
    },
  },
];
