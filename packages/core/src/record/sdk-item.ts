// Attribute values of a record, as the SDK's clients take them: nothing is converted but binary.

import type { AttributeValue, Image } from "./change.ts";

/** An attribute value as the SDK takes it: binary as bytes. Lambda's records carry it as base64 text. */
export type SdkValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: Uint8Array }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly L: SdkValue[] }
  | { readonly M: SdkItem }
  | { readonly SS: string[] }
  | { readonly NS: string[] }
  | { readonly BS: Uint8Array[] };

/** An item, or its key, as the SDK takes it. */
export type SdkItem = { readonly [attribute: string]: SdkValue };

const bytes = (value: string | Uint8Array): Uint8Array =>
  typeof value === "string" ? new Uint8Array(Buffer.from(value, "base64")) : value;

/** An attribute value of a record. The SDK would encode base64 text once more in a set, and not outside of one. */
export const sdkValue = (value: AttributeValue): SdkValue => {
  if ("B" in value) return { B: bytes(value.B) };
  if ("BS" in value) return { BS: value.BS.map(bytes) };
  if ("L" in value) return { L: value.L.map(sdkValue) };
  if ("M" in value) return { M: sdkItem(value.M) };
  // Sent as it is: the SDK's types only lack the word readonly.
  return value as SdkValue;
};

/** The attribute values of a record's image; members that are undefined are left out. */
export const sdkItem = (image: Image): Record<string, SdkValue> => {
  const given = Object.entries<AttributeValue | undefined>(image);
  const entries = given.flatMap(([name, value]) => (value === undefined ? [] : [[name, sdkValue(value)] as const]));
  // By fromEntries, since a name may be __proto__.
  return Object.fromEntries(entries);
};
