// The messages that an append sink sends: A01 to A07.

import type { SpecimenTable } from "../../records/specimen.ts";
import { type Case, casesFor } from "../case.ts";
import { expectEqual } from "../expectation.ts";
import { deliverAll, type SpecimenChange } from "../harness.ts";
import { expectOutcomes } from "../write-outcomes.ts";
import { writeBeside } from "./failure.ts";

const putFour = (table: SpecimenTable, round = 0): readonly SpecimenChange[] =>
  table.putEach(...["a", "b", "c", "d"].map((name) => `${round}-${name}`));

/** The cases of append sinks. */
export const appendCases: readonly Case[] = casesFor("append", [
  {
    id: "A01",
    name: "every change of a call is sent once, including removals",
    run: async (harness, table) => {
      const inserts = table.putEach("a", "b", "c");
      const removals = ["a", "b"].map((name) => table.remove(name));
      await harness.write(inserts);
      await harness.write(removals);
      await harness.expectHeld([...inserts, ...removals]);
    },
  },
  {
    id: "A02",
    name: "a repeated change has the same idempotency key, and different changes have different keys",
    run: async (harness, table) => {
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
    name: "one item's failure does not stop other items, whatever its position in the call",
    needs: ["refuse"],
    run: async (harness, table) => {
      const sent: SpecimenChange[] = [];
      for (const place of [0, 1, 2, 3]) {
        const changes = putFour(table, place);
        const { others } = await writeBeside(harness, "refuse", changes[place] as SpecimenChange, changes);
        sent.push(...others);
      }
      await harness.expectHeld(sent);
    },
  },
  {
    id: "A04",
    name: "the changes of many items, interleaved over many calls, keep their order per item",
    run: async (harness, table) => {
      const rounds = Array.from({ length: 6 }, () => table.putEach("a", "b", "c", "d", "e"));
      for (const batch of rounds) await harness.write(batch);
      await harness.expectHeld(rounds.flat());
    },
  },
  {
    id: "A05",
    name: "a failed message is absent, a delivered one is there once, and writing the failed one again completes the batch",
    needs: ["throttle-one"],
    run: async (harness, table) => {
      const changes = putFour(table);
      const slow = changes[0] as SpecimenChange;
      const others = changes.slice(1);
      await harness.fail({ kind: "throttle-one", change: slow });
      await harness.write(changes);
      await harness.expectHeld(others);
      await harness.endFault();
      await deliverAll(harness, [slow]);
      await harness.expectHeld([...others, slow]);
    },
  },
  {
    id: "A06",
    name: "an item stops at a failed change: its later changes follow that change in order, and other items continue",
    needs: ["throttle-one"],
    run: async (harness, table) => {
      const rounds = Array.from({ length: 4 }, () => table.putEach("a", "b", "c"));
      const slow = rounds[1]?.[1] as SpecimenChange;
      const changes = rounds.flat();
      const stopped = changes.filter(({ itemKey, version }) => itemKey === slow.itemKey && version >= slow.version);
      await harness.fail({ kind: "throttle-one", change: slow });
      await harness.invoke(changes);
      await harness.expectHeld(changes.filter((change) => !stopped.includes(change)));
      await harness.endFault();
      // The first attempts after the fault may fail, because the target may have closed connections during the fault.
      let left: readonly SpecimenChange[] = stopped;
      for (let attempt = 0; left.length > 0 && attempt < 5; attempt += 1) left = await harness.invoke(left);
      await harness.expectHeld(changes);
    },
  },
  {
    id: "A07",
    name: "dryRun sends nothing, and rejects nothing that write would take",
    needs: ["dryRun"],
    run: async (harness, table) => {
      const changes = putFour(table);
      const before = harness.requests();
      const predicted = await harness.dryRun(changes);
      expectOutcomes(predicted, changes, "delivered", "outcomes of dryRun");
      expectEqual(harness.requests() - before, 0, "requests of dryRun");
      await harness.expectHeld([]);
      await harness.write(changes);
      await harness.expectHeld(changes);
    },
  },
]);
