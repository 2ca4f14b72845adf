// Native values to what the SDK sends, without loss.

import type { Image, SdkValue } from "@sluice/core/sink-kit";

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
const at = <Value>(name: string, toSdk: (value: Value) => SdkValue, value: Value): SdkValue => {
  try {
    return toSdk(value);
  } catch (error) {
    throw error instanceof Misfit ? new Misfit(error.message, [name, ...error.path]) : error;
  }
};

/** Assigning to `__proto__` would lose the attribute. */
const setMember = (item: Record<string, SdkValue>, name: string, value: SdkValue): void => {
  if (name === "__proto__") Object.defineProperty(item, name, { value, enumerable: true, writable: true });
  else item[name] = value;
};

const mapMembers = <Value>(
  entries: Iterable<readonly [string, Value]>,
  toSdk: (value: Value) => SdkValue,
): Record<string, SdkValue> => {
  const item: Record<string, SdkValue> = {};
  for (const [name, value] of entries) {
    if (value !== undefined) setMember(item, name, at(name, toSdk, value));
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

const marshalSet = (values: ReadonlySet<unknown>): SdkValue => {
  const entries = [...values].map((value) => Object.entries(marshalValue(value))[0] as [string, string & Uint8Array]);
  const [type = "none"] = entries[0] ?? [];
  const setType = setTypes[type];
  if (setType === undefined || entries.some(([other]) => other !== type)) {
    throw new Misfit(
      `found a set of ${[...new Set(entries.map(([other]) => other))].join(" and ") || "nothing"}; expected one or more texts, or numbers, or bytes`,
    );
  }
  return { [setType]: entries.map(([, held]) => held) } as unknown as SdkValue;
};

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  // By its absence: an object of another realm has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const marshalObject = (value: object): SdkValue => {
  if (Array.isArray(value)) return { L: value.map((entry, index) => at(String(index), marshalValue, entry)) };
  if (value instanceof Uint8Array) return { B: value };
  if (value instanceof Set) return marshalSet(value);
  if (isNumberValue(value)) return { N: value.toString() };
  if (value instanceof Map) return { M: mapMembers(value as Map<string, unknown>, marshalValue) };
  if (isPlain(value)) return { M: marshalItem(value as { readonly [attribute: string]: unknown }) };
  throw new Misfit(`found an object of class ${value.constructor.name}; expected a value that DynamoDB has a type for`);
};

/** The attribute value of a native value. @throws {Misfit} when DynamoDB has no type for it. */
export const marshalValue = (value: unknown): SdkValue => {
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
export const marshalItem = (item: { readonly [attribute: string]: unknown }): Record<string, SdkValue> =>
  mapMembers(Object.entries(item), marshalValue);
