// The content of a target item as text. Items that DynamoDB holds for equal have equal texts: the order of members and of
// the entries of a set does not matter, nor how a number is written.

import { type CopyContent, canonicalDecimal, type SdkItem, type SdkValue } from "@sluice/core/sink-kit";

const sorted = (texts: readonly string[]): string[] => [...texts].sort();

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const membersText = (item: SdkItem): string => {
  const names = sorted(Object.keys(item));
  return `{${names.map((name) => `${JSON.stringify(name)}:${valueText(item[name] as SdkValue)}`).join()}}`;
};

const typed = (type: string, content: string): string => `{"${type}":${content}}`;

const texts = (type: string, content: readonly string[]): string => typed(type, JSON.stringify(sorted(content)));

/** Returns an attribute value as JSON text. Binary is base64, as in Lambda's records. */
export const valueText = (value: SdkValue): string => {
  if ("N" in value) return typed("N", `"${canonicalDecimal(value.N)}"`);
  if ("B" in value) return typed("B", `"${base64(value.B)}"`);
  if ("L" in value) return typed("L", `[${value.L.map(valueText).join()}]`);
  if ("M" in value) return typed("M", membersText(value.M));
  if ("SS" in value) return texts("SS", value.SS);
  if ("NS" in value) return texts("NS", value.NS.map(canonicalDecimal));
  if ("BS" in value) return texts("BS", value.BS.map(base64));
  return JSON.stringify(value);
};

/** Returns the content of an item: each attribute as text. */
export const contentOf = (attributes: SdkItem): CopyContent =>
  // Assigning to an attribute named __proto__ would lose the attribute. fromEntries keeps it.
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, valueText(value)]));
