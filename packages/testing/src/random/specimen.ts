// Random specimens with values that sinks often corrupt: 38-digit numbers, empty strings, sets, binary and emoji.

import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import type { SpecimenItem } from "../records/specimen.ts";
import type { Random } from "./random.ts";

const notes: readonly string[] = [
  "",
  "plain",
  "日本語",
  "👩‍👩‍👧 family",
  "line\nend \"quoted\" 'too' \\",
  "é".repeat(300),
];

const amounts: readonly (() => NonNullable<SpecimenItem["amount"]>)[] = [
  () => 0,
  () => -1.5,
  () => 9_007_199_254_740_991,
  () => new NumberValueImpl("9007199254740993"),
  () => new NumberValueImpl("12345678901234567890123456789012345678"),
  () => new NumberValueImpl("-0.1234567890123456789012345678901234567"),
];

const payloads: readonly (() => NonNullable<SpecimenItem["payload"]>)[] = [
  () => ({}),
  () => ({ nothing: null, yes: true, no: false, list: [], map: {} }),
  () => ({ tags: new Set(["b", "a", "ä"]), sizes: new Set([10, 9, -1]) }),
  () => ({ bytes: new Uint8Array([0, 255, 10]), many: new Set([new Uint8Array([1]), new Uint8Array([2, 3])]) }),
  () => ({ deep: [{ deeper: [{ deepest: "here" }] }], "dotted.name": 1, " ": "a space for a name" }),
];

/** A specimen with this key and revision; each other attribute is present at random. */
export const randomSpecimen = (random: Random, pk: string, revision: number): SpecimenItem => ({
  pk,
  sk: "1",
  revision,
  ...(random.chance(0.7) && { note: random.pick(notes) }),
  ...(random.chance(0.7) && { amount: random.pick(amounts)() }),
  ...(random.chance(0.6) && { payload: random.pick(payloads)() }),
});
