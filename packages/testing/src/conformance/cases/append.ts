// The messages that an append sink sends: A01 to A07.

import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual } from "../expectation.ts";
import { deliverAll, type SpecimenChange } from "../harness.ts";
import { expectOutcomes } from "../write-outcomes.ts";

const fourItems = (round: number): readonly SpecimenChange[] => {
  const table = specimenTable({ streamLabel: `2026-01-0${round + 1}T00:00:00.000` });
  return ["a", "b", "c", "d"].map((name) => table.put(`${round}-${name}`));
};

/** The cases of append sinks. */
export const appendCases: readonly Case[] = [
  {
    id: "A01",
    name: "every change of a call is sent once, including removals",
    writes: "append",
    run: async (harness) => {
      const table = specimenTable();
      const inserts = ["a", "b", "c"].map((name) => table.put(name));
      const removals = ["a", "b"].map((name) => table.remove(name));
      await harness.write(inserts);
      await harness.write(removals);
      await harness.expectHeld([...inserts, ...removals]);
    },
  },
  {
    id: "A02",
    name: "a repeat carries the same idempotency key, and different changes carry different ones",
    writes: "append",
    run: async (harness) => {
      const table = specimenTable();
      const changes = [table.put("a"), table.put("a"), table.remove("a")];
      for (const change of [...changes, ...changes]) await harness.write([change]);
      const keys = await harness.idempotencyKeys();
      const empty = keys.filter((key) => typeof key !== "string" || key === "");
      expectEqual(empty.length, 0, "messages without an idempotency key");
      expectEqual(new Set(keys).size, changes.length, "different idempotency keys");
      await harness.expectHeld(changes, "allowed");
    },
  },
  {
    id: "A03",
    name: "a failure of one item does not stop the others, at any position in the call",
    writes: "append",
    needs: ["refuse"],
    run: async (harness) => {
      const sent: SpecimenChange[] = [];
      for (const place of [0, 1, 2, 3]) {
        const changes = fourItems(place);
        const bad = changes[place] as SpecimenChange;
        await harness.fail({ kind: "refuse", change: bad });
        const written = await harness.write(changes);
        const others = changes.filter((change) => change !== bad);
        expectOutcomes(written, others, "delivered", "outcomes of the others");
        sent.push(...others);
      }
      await harness.expectHeld(sent);
    },
  },
  {
    id: "A04",
    name: "the changes of many items, interleaved over many calls, keep their order per item",
    writes: "append",
    run: async (harness) => {
      const table = specimenTable();
      const rounds = Array.from({ length: 6 }, () => ["a", "b", "c", "d", "e"].map((name) => table.put(name)));
      for (const batch of rounds) await harness.write(batch);
      await harness.expectHeld(rounds.flat());
    },
  },
  {
    id: "A05",
    name: "a failed message is absent, a delivered one is there once, and writing the failed one again completes the batch",
    writes: "append",
    needs: ["throttle-one"],
    run: async (harness) => {
      const changes = fourItems(0);
      const slow = changes[0] as SpecimenChange;
      const others = changes.slice(1);
      await harness.fail({ kind: "throttle-one", change: slow });
      await harness.write(changes);
      await harness.expectHeld(others);
      await harness.heal();
      await deliverAll(harness, [slow]);
      await harness.expectHeld([...others, slow]);
    },
  },
  {
    id: "A06",
    name: "an item stops at a failed change: its later changes follow that change in order, and other items continue",
    writes: "append",
    needs: ["throttle-one"],
    run: async (harness) => {
      const table = specimenTable();
      const rounds = Array.from({ length: 4 }, () => ["a", "b", "c"].map((name) => table.put(name)));
      const slow = rounds[1]?.[1] as SpecimenChange;
      const changes = rounds.flat();
      const stopped = changes.filter(({ itemKey, version }) => itemKey === slow.itemKey && version >= slow.version);
      await harness.fail({ kind: "throttle-one", change: slow });
      await harness.invoke(changes);
      await harness.expectHeld(changes.filter((change) => !stopped.includes(change)));
      await harness.heal();
      // Several attempts, as the target may have closed a connection during the fault.
      let left: readonly SpecimenChange[] = stopped;
      for (let attempt = 0; left.length > 0 && attempt < 5; attempt += 1) left = await harness.invoke(left);
      await harness.expectHeld(changes);
    },
  },
  {
    id: "A07",
    name: "dryRun sends nothing, and rejects nothing that write would take",
    writes: "append",
    needs: ["dryRun"],
    run: async (harness) => {
      const changes = fourItems(0);
      const before = harness.requests();
      const predicted = await harness.dryRun(changes);
      expectOutcomes(predicted, changes, "delivered", "outcomes of dryRun");
      expectEqual(harness.requests() - before, 0, "requests of dryRun");
      await harness.expectHeld([]);
      await harness.write(changes);
      await harness.expectHeld(changes);
    },
  },
];
