// Converts a record's attribute values for clients of the SDK. Binary values become bytes.

import { RecordError } from "../errors.ts";
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

/** DynamoDB allows 32 levels. The SDK has no limit: its code would overflow the stack when the request is sent. */
const maxLevels = 100;

const malformed = (found: string, expected: string): RecordError =>
  new RecordError("RECORD_MALFORMED", `${found}; expected ${expected}`);

/** Returns the content of a value. Throws for other content, at which the SDK would throw when the request is sent. */
const checked = <Content>(type: string, content: unknown, isRight: boolean): Content => {
  if (isRight) return content as Content;
  throw malformed(`an attribute of type ${type} has other content`, "the content of this type");
};

const isText = (content: unknown): content is string => typeof content === "string";

const bytesOf =
  (type: string) =>
  (content: unknown): Uint8Array =>
    isText(content)
      ? new Uint8Array(Buffer.from(content, "base64"))
      : checked(type, content, content instanceof Uint8Array);

const listOf = (type: string, content: unknown): readonly unknown[] => checked(type, content, Array.isArray(content));

const converted = (value: unknown, levels: number): SdkValue => {
  if (levels === 0) throw malformed(`an item has more than ${maxLevels} levels`, "at most 32");
  const given = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const [type = "none", content] = given.find(([, content]) => content !== undefined) ?? [];
  switch (type) {
    case "S":
    case "N":
      return { [type]: checked(type, content, isText(content)) } as SdkValue;
    case "BOOL":
    case "NULL":
      return { [type]: checked(type, content, typeof content === "boolean") } as SdkValue;
    case "B":
      return { B: bytesOf(type)(content) };
    case "L":
      return { L: listOf(type, content).map((entry) => converted(entry, levels - 1)) };
    case "M":
      return { M: convertedItem(checked(type, content, isRecord(content)), levels - 1) };
    case "SS":
    case "NS":
      return { [type]: checked(type, content, listOf(type, content).every(isText)) } as SdkValue;
    case "BS":
      return { BS: listOf(type, content).map(bytesOf(type)) };
    default:
      throw malformed(`an attribute value has the type ${type}`, "S, N, B, BOOL, NULL, L, M, SS, NS or BS");
  }
};

const isRecord = (content: unknown): content is Image =>
  typeof content === "object" && content !== null && !Array.isArray(content);

const convertedItem = (image: Image, levels: number): Record<string, SdkValue> => {
  const given = Object.entries<AttributeValue | undefined>(image);
  const entries = given.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, converted(value, levels)] as const],
  );
  // Assigning to an attribute named __proto__ would lose the attribute. fromEntries keeps it.
  return Object.fromEntries(entries);
};

/**
 * Converts an attribute value for the SDK. The SDK would encode binary values a second time if they stayed base64.
 * @throws {RecordError} RECORD_MALFORMED when the value is no attribute value, or has more than 100 levels.
 */
export const sdkValue = (value: AttributeValue): SdkValue => converted(value, maxLevels);

/**
 * Converts a record's image for the SDK. Undefined members are omitted.
 * @throws {RecordError} RECORD_MALFORMED when the image contains a value that is no attribute value, or is too deep.
 */
export const sdkItem = (image: Image): Record<string, SdkValue> => convertedItem(image, maxLevels);
