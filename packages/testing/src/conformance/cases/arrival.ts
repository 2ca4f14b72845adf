// What every sink does on a good day: C01 to C04, C06, C21.

import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";

export const arrivalCases: readonly Case[] = [
  {
    id: "C01",
    name: "an empty batch makes no request and settles nothing",
    run: async (bench) => {
      const before = bench.requests();
      expectEqual(await bench.writeNothing(), [], "results of an empty batch");
      expectEqual(bench.requests() - before, 0, "requests for an empty batch");
    },
  },
  {
    id: "C02",
    name: "inserts, modifications and removals arrive",
    run: async (bench) => {
      const table = specimenTable();
      const inserts = ["a", "b", "c"].map((name) => table.put(name));
      const later = [table.put("a"), table.remove("b")];
      for (const changes of [inserts, later]) {
        const written = await bench.write(changes);
        expectEqual(
          changes.map(written.outcomeOf),
          changes.map(() => "delivered"),
          "outcomes",
        );
      }
      await bench.expectHeld([...inserts, ...later]);
    },
  },
  {
    id: "C03",
    name: "the changes of an item keep their order over many calls",
    run: async (bench) => {
      const table = specimenTable();
      const changes = Array.from({ length: 12 }, () => [table.put("a"), table.put("b")]);
      for (const batch of changes) await bench.write(batch);
      await bench.expectHeld(changes.flat());
    },
  },
  {
    id: "C04",
    name: "a repeated batch leaves the same state, or repeats the same idempotency keys",
    run: async (bench) => {
      const table = specimenTable();
      const changes = ["a", "b", "c"].map((name) => table.put(name));
      const removal = table.remove("a");
      for (const batch of [changes, [removal], changes, [removal]]) {
        const written = await bench.write(batch);
        expectEqual(written.errors.map(String), [], "errors of a repeated batch");
      }
      await bench.expectHeld([...changes, removal], "allowed");
    },
  },
  {
    id: "C06",
    name: "several changes of an item end with the last",
    writes: "upsert",
    run: async (bench) => {
      const table = specimenTable();
      const changes = [table.put("a"), table.put("a"), table.put("a")];
      await bench.write(changes.slice(-1), { earlier: () => changes.slice(0, -1) });
      const [insert, removal] = [table.put("b"), table.remove("b")];
      await bench.write([removal], { earlier: () => [insert] });
      await bench.expectHeld([...changes, insert, removal]);
    },
  },
  {
    id: "C06",
    name: "several changes of an item are all sent",
    writes: "append",
    run: async (bench) => {
      const table = specimenTable();
      const changes = [table.put("a"), table.put("a"), table.remove("a"), table.put("a")];
      for (const change of changes) await bench.write([change]);
      await bench.expectHeld(changes);
    },
  },
  {
    id: "C21",
    name: "every delivery of a large batch is settled once, by identity",
    run: async (bench) => {
      const table = specimenTable();
      const changes = Array.from({ length: 100 }, (_, index) => table.put(`item-${index}`));
      const written = await bench.write(changes);
      const arrived = changes.filter((change) => written.outcomeOf(change) === "delivered").length;
      expectThat(arrived === changes.length, "delivered", arrived, `${changes.length}, as the target is well`);
      await bench.expectHeld(changes);
    },
  },
];
