// Cases in which the target has no fault: C01 to C04, C06 and C21.

import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import { expectOutcomes } from "../write-outcomes.ts";

/** The cases in which the target has no fault. */
export const arrivalCases: readonly Case[] = [
  {
    id: "C01",
    name: "an empty batch makes no request and returns no results",
    run: async (harness) => {
      const before = harness.requests();
      expectEqual(await harness.writeNothing(), [], "results of an empty batch");
      expectEqual(harness.requests() - before, 0, "requests for an empty batch");
    },
  },
  {
    id: "C02",
    name: "inserts, modifications and removals arrive",
    run: async (harness, table) => {
      const inserts = table.putEach("a", "b", "c");
      const later = [table.put("a"), table.remove("b")];
      for (const changes of [inserts, later]) {
        const written = await harness.write(changes);
        expectOutcomes(written, changes, "delivered");
      }
      await harness.expectHeld([...inserts, ...later]);
    },
  },
  {
    id: "C03",
    name: "the changes of an item keep their order over many calls",
    run: async (harness, table) => {
      const changes = Array.from({ length: 12 }, () => table.putEach("a", "b"));
      for (const batch of changes) await harness.write(batch);
      await harness.expectHeld(changes.flat());
    },
  },
  {
    id: "C04",
    name: "a repeated batch leaves the same state, or repeats the same idempotency keys",
    run: async (harness, table) => {
      const changes = table.putEach("a", "b", "c");
      const removal = table.remove("a");
      for (const batch of [changes, [removal], changes, [removal]]) {
        const written = await harness.write(batch);
        expectEqual(written.errors.map(String), [], "errors of a repeated batch");
      }
      await harness.expectHeld([...changes, removal], "allowed");
    },
  },
  {
    id: "C06",
    name: "after several changes of an item, the target holds the last change",
    writes: "upsert",
    run: async (harness, table) => {
      const changes = table.putEach("a", "a", "a");
      await harness.write(changes.slice(-1), { earlier: () => changes.slice(0, -1) });
      const [insert, removal] = [table.put("b"), table.remove("b")];
      await harness.write([removal], { earlier: () => [insert] });
      await harness.expectHeld([...changes, insert, removal]);
    },
  },
  {
    id: "C06",
    name: "several changes of an item are all sent",
    writes: "append",
    run: async (harness, table) => {
      const changes = [table.put("a"), table.put("a"), table.remove("a"), table.put("a")];
      for (const change of changes) await harness.write([change]);
      await harness.expectHeld(changes);
    },
  },
  {
    id: "C21",
    name: "every delivery of a large batch gets one result, by identity",
    run: async (harness, table) => {
      const changes = table.putMany(100);
      const written = await harness.write(changes);
      const arrived = changes.filter((change) => written.outcomeOf(change) === "delivered").length;
      expectThat(arrived === changes.length, "delivered", arrived, `${changes.length}, as there is no fault`);
      await harness.expectHeld(changes);
    },
  },
];
