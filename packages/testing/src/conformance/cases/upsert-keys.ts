// The list of what an upsert target holds: each live copy once, with its version and its key.

import type { HeldKey } from "@sluice/core/sink-kit";
import { keysOf, type SpecimenTable } from "../../records/specimen.ts";
import { type Case, casesFor } from "../case.ts";
import { expectEqual } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";
import { itemOf, repairOf } from "./upsert-held.ts";

/** Parts of keys that a target, a pattern or a joined text may change. */
const unusual = [
  ...['"', "'", "\\", "\n", "\t", "%", "%25", "|", "~", "#", ",", ":", "/", "?", "*", "..", "$", "{}", "[]"],
  ...[
    " at the start",
    "at the end ",
    "UPPER",
    "upper",
    "ä",
    "a\u0308",
    "日本語",
    "👩‍👩‍👧",
    "null",
    "__proto__",
    "0",
    "00",
  ],
  "long ".repeat(150),
];

const unusualPuts = (table: SpecimenTable): readonly SpecimenChange[] => [
  ...unusual.map((text, index) => table.put(`u${index}`, { pk: `${keysOf("u").pk}${text}` })),
  ...unusual.map((text, index) => table.put(`v${index}`, { sk: text })),
];

const versionsOf = (found: readonly { readonly version: string }[]): string[] =>
  found.map(({ version }) => version).sort();

/** Asserts that these are the copies, and that each key which the target tells is that of the item. */
const expectKeys = (found: readonly HeldKey[], live: readonly SpecimenChange[], where: string): void => {
  expectEqual(versionsOf(found), versionsOf(live), `versions of the copies ${where}`);
  const keysOfVersion = new Map(live.map(({ record, version }) => [version, record.dynamodb?.Keys]));
  // A target whose key a function made does not tell the key of the source item.
  for (const { keys, version } of found) {
    if (keys !== undefined) expectEqual(keys, keysOfVersion.get(version), `key of a copy ${where}`);
  }
};

const writeEach = async (harness: Harness, changes: readonly SpecimenChange[]): Promise<void> => {
  for (const change of changes) await harness.write([change]);
};

/** The cases of `keys`. */
export const keysCases: readonly Case[] = casesFor("upsert", [
  {
    id: "U19",
    name: "keys lists each live copy once, in any number of parts and pages, and no tombstone",
    needs: ["keys"],
    run: async (harness, table) => {
      expectEqual(await harness.keys({ parts: 1, limit: 5 }), [], "keys of an empty target");
      const puts = Array.from({ length: 23 }, (_, index) => table.put(`k${index}`));
      await writeEach(harness, [...puts, table.remove("k3"), table.remove("k20")]);
      const leaving = table.put("k7");
      await harness.write([leaving], { isLeaving: true });
      const [changed] = puts.slice(5, 6) as [SpecimenChange];
      const repaired = repairOf(changed, 5, itemOf(changed));
      await writeEach(harness, [repaired]);
      const live = [...puts.filter((_, index) => ![3, 5, 7, 20].includes(index)), repaired];
      for (const [parts, limit] of [
        [1, 100],
        [1, 4],
        [3, 2],
        [7, 1],
      ] as const) {
        expectKeys(await harness.keys({ parts, limit }), live, `in ${parts} parts with ${limit} a page`);
      }
    },
  },
  {
    id: "U19",
    name: "keys lists copies whose keys have unusual characters",
    needs: ["keys"],
    run: async (harness, table) => {
      const puts = unusualPuts(table);
      await harness.write(puts);
      for (const limit of [1_000, 3]) {
        expectKeys(await harness.keys({ parts: 1, limit }), puts, `with ${limit} a page`);
      }
    },
  },
  {
    id: "U19",
    name: "keys misses no copy while others are inserted and removed between its pages",
    needs: ["keys"],
    run: async (harness, table) => {
      const puts = Array.from({ length: 16 }, (_, index) => table.put(`k${index}`));
      await harness.write(puts);
      const touched = new Set<string>();
      const betweenPages = async (page: readonly HeldKey[]): Promise<void> => {
        const [first] = page;
        const index = puts.findIndex(({ version }) => version === first?.version);
        if (index < 0) return;
        touched.add(puts[index]?.version ?? "");
        await writeEach(harness, [table.remove(`k${index}`), table.put(`new-${index}`)]);
      };
      const found = await harness.keys({ parts: 1, limit: 3, betweenPages });
      const stayed = new Set(versionsOf(puts).filter((version) => !touched.has(version)));
      const listed = versionsOf(found).filter((version) => stayed.has(version));
      expectEqual(listed, [...stayed], "versions of the copies that stayed");
    },
  },
]);
