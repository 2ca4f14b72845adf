// Values arrive intact, and appear in no error message: C18, C19.

import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { confidential, type SpecimenItem, specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import type { Fault, FaultKind } from "../fault.ts";
import { deliverAll, type Harness } from "../harness.ts";

/** Writes an item with these attributes, and expects it and all `texts` in the target. */
const expectIntact = async (harness: Harness, attributes: Partial<SpecimenItem>, texts: readonly string[]) => {
  const change = specimenTable().put("item", attributes);
  await deliverAll(harness, [change]);
  await harness.expectHeld([change], "allowed");
  const held = await harness.heldText();
  for (const text of texts) expectThat(held.includes(text), "content of the target", held, `the text ${text} in it`);
};

const wide = "12345678901234567890123456789012345678";
const fine = "-0.1234567890123456789012345678901234567";

const valueCases: readonly { readonly values: string; readonly run: (harness: Harness) => Promise<void> }[] = [
  {
    values: "numbers of 38 digits",
    run: async (harness) =>
      expectIntact(harness, { amount: new NumberValueImpl(wide), payload: { fine: new NumberValueImpl(fine) } }, [
        wide,
        fine,
      ]),
  },
  {
    values: "binary values",
    run: (harness) => expectIntact(harness, { payload: { bytes: new Uint8Array([0, 255, 128, 10]) } }, ["AP+ACg=="]),
  },
  {
    values: "empty strings, lists and maps",
    run: (harness) => expectIntact(harness, { note: "", payload: { text: "", list: [], map: {} } }, []),
  },
  {
    values: "sets of strings, of numbers and of binary",
    run: (harness) =>
      expectIntact(
        harness,
        { payload: { ss: new Set(["b", "a"]), ns: new Set([2, 10]), bs: new Set([new Uint8Array([1, 2])]) } },
        ["AQI="],
      ),
  },
  {
    values: "deeply nested values",
    run: async (harness) => {
      // DynamoDB allows 32 levels, including the item itself.
      let payload: { readonly [member: string]: unknown } = { deepest: [null, true, 0] };
      for (let depth = 0; depth < 14; depth += 1) payload = { level: [payload, depth] };
      await expectIntact(harness, { payload }, ["deepest"]);
    },
  },
  {
    values: "emoji, quotes, line breaks and non-Latin scripts",
    run: (harness) => expectIntact(harness, { note: "👩‍👩‍👧 \"q\" \\ 'a'\r\n\t日本語 \u0301é" }, ["👩‍👩‍👧", "日本語"]),
  },
];

const secretFaults: readonly FaultKind[] = ["throttle", "throttle-one", "refuse", "down", "deny", "drop-after-send"];

const leakCase = (kind: FaultKind): Case => ({
  id: "C19",
  name: `error messages contain no item values and no secrets (${kind})`,
  needs: [kind],
  run: async (harness) => {
    const table = specimenTable();
    const changes = [table.put("a"), table.put("b")] as const;
    const fault = { kind, change: changes[0] } as Fault;
    await harness.fail(fault);
    const { errors } = await harness.write(changes);
    expectThat(errors.length > 0, "errors under the fault", errors.length, "at least one");
    for (const secret of [confidential, ...harness.secrets]) {
      const leaks = errors.filter((error) => `${error.name} ${error.message}`.includes(secret));
      expectEqual(leaks.length, 0, "errors that contain an item's value, its key or a credential");
    }
  },
});

/** The cases of values and secrets. */
export const contentCases: readonly Case[] = [
  ...valueCases.map(({ values, run }): Case => ({ id: "C18", name: `${values} arrive intact`, run })),
  ...secretFaults.map(leakCase),
];
