// Converts a record's attribute values for clients of the SDK. Binary values become bytes.

import type { AttributeValue, Image } from "./change.ts";

/** An attribute value for the SDK. Binary values are bytes, while in Lambda's records they are base64 text. */
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

/** An item, or its key, for the SDK. */
export type SdkItem = { readonly [attribute: string]: SdkValue };

const bytes = (value: string | Uint8Array): Uint8Array =>
  typeof value === "string" ? new Uint8Array(Buffer.from(value, "base64")) : value;

/** Converts an attribute value for the SDK. The SDK would encode binary values a second time if they stayed base64. */
export const sdkValue = (value: AttributeValue): SdkValue => {
  if ("B" in value) return { B: bytes(value.B) };
  if ("BS" in value) return { BS: value.BS.map(bytes) };
  if ("L" in value) return { L: value.L.map(sdkValue) };
  if ("M" in value) return { M: sdkItem(value.M) };
  // The value needs no conversion, because the SDK's type differs only in `readonly`.
  return value as SdkValue;
};

/** Converts a record's image for the SDK. Undefined members are omitted. */
export const sdkItem = (image: Image): Record<string, SdkValue> => {
  const given = Object.entries<AttributeValue | undefined>(image);
  const entries = given.flatMap(([name, value]) => (value === undefined ? [] : [[name, sdkValue(value)] as const]));
  // Assigning to an attribute named __proto__ would lose the attribute. fromEntries keeps it.
  return Object.fromEntries(entries);
};
