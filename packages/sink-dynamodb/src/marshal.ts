// Values to what the SDK sends: native ones without loss, and attribute values of a record as they stand there.

import type { AttributeValue, Image } from "@sluice/core";

/** An attribute value as the SDK takes it: binary as bytes. Lambda's records carry it as base64 text. */
export type WireValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: Uint8Array }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly L: WireValue[] }
  | { readonly M: WireItem }
  | { readonly SS: string[] }
  | { readonly NS: string[] }
  | { readonly BS: Uint8Array[] };

/** An item, or its key, as the SDK takes it. */
export type WireItem = { readonly [attribute: string]: WireValue };

/** In the registry, so that another copy of this package knows it. */
const image: unique symbol = Symbol.for("@sluice/sink-dynamodb/image");

/** An item as attribute values, marked as such: a native item may have members named `S` or `N`. */
export interface AttributeValues {
  readonly [image]: Image;
}

/**
 * Marks an item of attribute values, for a mapper that returns what stands in the record:
 * `attributeValues({ ...change.record.dynamodb.NewImage, region: { S: "eu" } })`. Binary may be base64 text or bytes.
 */
export const attributeValues = (values: Image): AttributeValues => ({ [image]: values });

/** The attribute values in a message; undefined when it is a native item. */
export const imageIn = (message: object): Image | undefined => (message as Partial<AttributeValues>)[image];

/** A value that DynamoDB has no type for. The message tells where it is and what it is, never the value. */
export class Misfit extends Error {
  readonly path: readonly string[];

  constructor(found: string, path: readonly string[] = []) {
    super(found);
    this.path = path;
  }
}

/** Converts a member, and adds its name to where a misfit was found. */
const at = <Value>(name: string, toWire: (value: Value) => WireValue, value: Value): WireValue => {
  try {
    return toWire(value);
  } catch (error) {
    throw error instanceof Misfit ? new Misfit(error.message, [name, ...error.path]) : error;
  }
};

/** Assigning to `__proto__` would lose the attribute. */
const setMember = (item: Record<string, WireValue>, name: string, value: WireValue): void => {
  if (name === "__proto__") Object.defineProperty(item, name, { value, enumerable: true, writable: true });
  else item[name] = value;
};

const mapMembers = <Value>(
  entries: Iterable<readonly [string, Value]>,
  toWire: (value: Value) => WireValue,
): Record<string, WireValue> => {
  const item: Record<string, WireValue> = {};
  for (const [name, value] of entries) {
    if (value !== undefined) setMember(item, name, at(name, toWire, value));
  }
  return item;
};

const numberText = (value: number | bigint): string => {
  if (typeof value === "bigint" || Number.isFinite(value)) return String(value);
  throw new Misfit(`found ${value}; expected a finite number`);
};

const isNumberValue = (
  value: object,
): value is { readonly toAttributeValue: () => unknown; readonly toString: () => string } =>
  "toAttributeValue" in value && typeof value.toAttributeValue === "function";

const setTypes: Readonly<Record<string, "SS" | "NS" | "BS">> = { S: "SS", N: "NS", B: "BS" };

const marshalSet = (values: ReadonlySet<unknown>): WireValue => {
  const entries = [...values].map((value) => Object.entries(marshalValue(value))[0] as [string, string & Uint8Array]);
  const [type = "none"] = entries[0] ?? [];
  const setType = setTypes[type];
  if (setType === undefined || entries.some(([other]) => other !== type)) {
    throw new Misfit(
      `found a set of ${[...new Set(entries.map(([other]) => other))].join(" and ") || "nothing"}; expected one or more texts, or numbers, or bytes`,
    );
  }
  return { [setType]: entries.map(([, held]) => held) } as unknown as WireValue;
};

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  // By its absence: an object of another realm has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const marshalObject = (value: object): WireValue => {
  if (Array.isArray(value)) return { L: value.map((entry, index) => at(String(index), marshalValue, entry)) };
  if (value instanceof Uint8Array) return { B: value };
  if (value instanceof Set) return marshalSet(value);
  if (isNumberValue(value)) return { N: value.toString() };
  if (value instanceof Map) return { M: mapMembers(value as Map<string, unknown>, marshalValue) };
  if (isPlain(value)) return { M: marshalItem(value as { readonly [attribute: string]: unknown }) };
  throw new Misfit(`found an object of class ${value.constructor.name}; expected a value that DynamoDB has a type for`);
};

/** The attribute value of a native value. @throws {Misfit} when DynamoDB has no type for it. */
export const marshalValue = (value: unknown): WireValue => {
  switch (typeof value) {
    case "string":
      return { S: value };
    case "number":
    case "bigint":
      return { N: numberText(value) };
    case "boolean":
      return { BOOL: value };
    case "object":
      return value === null ? { NULL: true } : marshalObject(value);
    default:
      throw new Misfit(`found ${typeof value}; expected a value that DynamoDB has a type for`);
  }
};

/** The attribute values of a native item; members that are undefined are left out. @throws {Misfit} */
export const marshalItem = (item: { readonly [attribute: string]: unknown }): Record<string, WireValue> =>
  mapMembers(Object.entries(item), marshalValue);

const bytes = (value: string | Uint8Array): Uint8Array =>
  typeof value === "string" ? new Uint8Array(Buffer.from(value, "base64")) : value;

/** The SDK would encode base64 text once more in a set, and not outside of one. */
const wireValue = (value: AttributeValue): WireValue => {
  if ("B" in value) return { B: bytes(value.B) };
  if ("BS" in value) return { BS: value.BS.map(bytes) };
  if ("L" in value) return { L: value.L.map(wireValue) };
  if ("M" in value) return { M: wireImage(value.M) };
  // Sent as it is: the SDK's types only lack the word readonly.
  return value as WireValue;
};

/** The attribute values of a record, as the SDK takes them: nothing is converted but binary. */
export const wireImage = (values: Image): Record<string, WireValue> => mapMembers(Object.entries(values), wireValue);
