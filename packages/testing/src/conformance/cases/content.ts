// Values arrive intact (C18), and error messages do not contain them (C19).

import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { confidential, type SpecimenItem } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import type { Fault, FaultKind } from "../fault.ts";
import { deliverAll } from "../harness.ts";

/** Creates a case that writes an item with these attributes, and expects the item and all `texts` in the target. */
const valueCase = (values: string, attributes: Partial<SpecimenItem>, texts: readonly string[]): Case => ({
  id: "C18",
  name: `${values} arrive intact`,
  run: async (harness, table) => {
    const change = table.put("item", attributes);
    await deliverAll(harness, [change]);
    await harness.expectHeld([change], "allowed");
    const held = await harness.heldText();
    for (const text of texts) expectThat(held.includes(text), "content of the target", held, `the text ${text} in it`);
  },
});

const wide = "12345678901234567890123456789012345678";
const fine = "-0.1234567890123456789012345678901234567";
const exact = { amount: new NumberValueImpl(wide), payload: { fine: new NumberValueImpl(fine) } };
const sets = { ss: new Set(["b", "a"]), ns: new Set([2, 10]), bs: new Set([new Uint8Array([1, 2])]) };

/** Returns nested maps and lists: two levels for each step of `depth`. DynamoDB allows 32 levels with the item. */
const nested = (depth: number): { readonly [member: string]: unknown } =>
  depth === 0 ? { deepest: [null, true, 0] } : { level: [nested(depth - 1), depth - 1] };

const secretFaults: readonly FaultKind[] = ["throttle", "throttle-one", "refuse", "down", "deny", "drop-after-send"];

const leakCase = (kind: FaultKind): Case => ({
  id: "C19",
  name: `error messages contain no item values and no secrets (${kind})`,
  needs: [kind],
  run: async (harness, table) => {
    const changes = table.putEach("a", "b");
    await harness.fail({ kind, change: changes[0] } as Fault);
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
  valueCase("numbers of 38 digits", exact, [wide, fine]),
  valueCase("binary values", { payload: { bytes: new Uint8Array([0, 255, 128, 10]) } }, ["AP+ACg=="]),
  valueCase("empty strings, lists and maps", { note: "", payload: { text: "", list: [], map: {} } }, []),
  valueCase("sets of strings, of numbers and of binary", { payload: sets }, ["AQI="]),
  valueCase("deeply nested values", { payload: nested(14) }, ["deepest"]),
  valueCase("emoji, quotes, line breaks and non-Latin scripts", { note: "👩‍👩‍👧 \"q\" \\ 'a'\r\n\t日本語 \u0301é" }, [
    "👩‍👩‍👧",
    "日本語",
  ]),
  ...secretFaults.map(leakCase),
];
