// The content of a document as text. Documents with equal members have equal texts: the order of the members of an object
// does not matter, nor how a number is written.

import { type CopyContent, isRecord } from "@sluice/core/sink-kit";
import { guardField } from "../write/guard.ts";

/** Returns a value of parsed JSON as JSON text whose members are sorted. */
const valueText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(valueText).join()}]`;
  // A client with the option `enableLongNumeralSupport` returns a BigInt for 1e18, which the sink writes as an integer.
  if (typeof value === "bigint") return JSON.stringify(Number(value));
  if (!isRecord(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${valueText(value[name])}`).join()}}`;
};

/** Returns the content of a document, which is parsed JSON: each member but the guard as text. */
export const contentOf = (document: object): CopyContent =>
  // Assigning to a member named __proto__ would lose the member. fromEntries keeps it.
  Object.fromEntries(
    Object.entries(document).flatMap(([name, value]) => (name === guardField ? [] : [[name, valueText(value)]])),
  );

/**
 * Returns the content of a document of a sink with option `routing`. The member `_routing`, which no document can have
 * itself, lists the routings at which the alias shows a document with this `_id`. There should be one.
 */
export const withRoutings = (content: CopyContent, routings: readonly (string | undefined)[]): CopyContent => ({
  ...content,
  _routing: JSON.stringify([...new Set(routings)].map((routing) => routing ?? null).sort()),
});
