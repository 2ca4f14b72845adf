// Values arrive as they are, and do not leak: C18, C19.

import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { confidential, type SpecimenItem, specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import type { Fault, FaultKind } from "../fault.ts";
import { type Bench, deliverAll } from "../harness.ts";

/** Writes an item with these attributes; `texts` must all be found in what the target then holds. */
const expectIntact = async (bench: Bench, attributes: Partial<SpecimenItem>, texts: readonly string[]) => {
  const change = specimenTable().put("odd", attributes);
  await deliverAll(bench, [change]);
  await bench.expectHeld([change], "allowed");
  const held = await bench.heldText();
  for (const text of texts) expectThat(held.includes(text), "what the target holds", held, `the text ${text} in it`);
};

const wide = "12345678901234567890123456789012345678";
const fine = "-0.1234567890123456789012345678901234567";

const contentCases18: readonly { readonly what: string; readonly run: (bench: Bench) => Promise<void> }[] = [
  {
    what: "numbers of 38 digits",
    run: async (bench) =>
      expectIntact(bench, { amount: new NumberValueImpl(wide), payload: { fine: new NumberValueImpl(fine) } }, [
        wide,
        fine,
      ]),
  },
  {
    what: "binary values",
    run: (bench) => expectIntact(bench, { payload: { bytes: new Uint8Array([0, 255, 128, 10]) } }, ["AP+ACg=="]),
  },
  {
    what: "empty texts, and empty lists and maps",
    run: (bench) => expectIntact(bench, { note: "", payload: { text: "", list: [], map: {} } }, []),
  },
  {
    what: "sets of strings, of numbers and of binary",
    run: (bench) =>
      expectIntact(
        bench,
        { payload: { ss: new Set(["b", "a"]), ns: new Set([2, 10]), bs: new Set([new Uint8Array([1, 2])]) } },
        ["AQI="],
      ),
  },
  {
    what: "deeply nested values",
    run: async (bench) => {
      // DynamoDB takes 32 levels, of which the item is one.
      let payload: { readonly [member: string]: unknown } = { deepest: [null, true, 0] };
      for (let depth = 0; depth < 14; depth += 1) payload = { level: [payload, depth] };
      await expectIntact(bench, { payload }, ["deepest"]);
    },
  },
  {
    what: "emoji, quotes, line ends and other scripts",
    run: (bench) => expectIntact(bench, { note: "👩‍👩‍👧 \"q\" \\ 'a'\r\n\t日本語 \u0301é" }, ["👩‍👩‍👧", "日本語"]),
  },
];

const secretFaults: readonly FaultKind[] = ["throttle", "throttle-one", "refuse", "down", "deny", "drop-after-send"];

const leakCase = (kind: FaultKind): Case => ({
  id: "C19",
  name: `error messages hold no item values and no secrets (${kind})`,
  needs: [kind],
  run: async (bench) => {
    const table = specimenTable();
    const changes = [table.put("a"), table.put("b")] as const;
    const fault = { kind, change: changes[0] } as Fault;
    await bench.fail(fault);
    const { errors } = await bench.write(changes);
    expectThat(errors.length > 0, "errors under the fault", errors.length, "at least one");
    for (const secret of [confidential, ...bench.secrets]) {
      const leaks = errors.filter((error) => `${error.name} ${error.message}`.includes(secret));
      expectEqual(leaks.length, 0, "errors that quote an item's value, its key or a credential");
    }
  },
});

export const contentCases: readonly Case[] = [
  ...contentCases18.map(({ what, run }): Case => ({ id: "C18", name: `${what} arrive intact`, run })),
  ...secretFaults.map(leakCase),
];
