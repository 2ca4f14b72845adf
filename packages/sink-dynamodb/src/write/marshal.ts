// Converts JavaScript values to DynamoDB's attribute values, in the form that the SDK sends. Numbers keep all digits.

import { type Image, isNumberValue, type SdkItem, type SdkValue } from "@sluice/core/sink-kit";

/** `Symbol.for` returns the same symbol in every copy of this package, even if several versions are installed. */
const image: unique symbol = Symbol.for("@sluice/sink-dynamodb/image");

/** An item as attribute values. The symbol distinguishes it from a native item that has members named `S` or `N`. */
export interface AttributeValues {
  readonly [image]: Image;
}

/**
 * Marks an item as attribute values. A mapper can then return, for example, a changed image of the record:
 * `attributeValues({ ...change.record.dynamodb.NewImage, region: { S: "eu" } })`. `B` may be base64 text or bytes.
 */
export const attributeValues = (values: Image): AttributeValues => ({ [image]: values });

/** Returns the attribute values in a message; undefined if the message is a native item. */
export const imageIn = (message: object): Image | undefined => (message as Partial<AttributeValues>)[image];

/** The error for a value that no DynamoDB type can hold. It contains the path and type of the value, not the value. */
export class AttributeValueError extends Error {
  override name = "AttributeValueError";
  readonly path: readonly string[];

  constructor(found: string, path: readonly string[] = []) {
    super(found);
    this.path = path;
  }
}

/** DynamoDB allows 32 levels. The limit also ends a cycle, and the SDK's code would overflow the stack at some depth. */
const maxLevels = 100;

const half = new AttributeValueError(
  "found half of a surrogate pair; expected whole characters, because DynamoDB stores UTF-8",
);

const isWhole = (text: string): boolean => !/\p{Surrogate}/u.test(text);

const hasWholeTexts = (value: SdkValue): boolean => {
  if ("S" in value) return isWhole(value.S);
  return !("SS" in value) || value.SS.every(isWhole);
};

/**
 * Checks the texts and the names in an item. The SDK and DynamoDB would replace half of a surrogate pair by U+FFFD.
 * @throws {AttributeValueError} which has the path to the first text or name with half of a surrogate pair.
 */
export const checkTexts = (item: SdkItem): void => {
  for (const name in item) {
    if (!isWhole(name)) throw new AttributeValueError(half.message, [name.replace(/\p{Surrogate}/gu, "\uFFFD")]);
    checkValue(name, item[name] as SdkValue);
  }
};

const checkValue = (name: string, value: SdkValue): void => {
  try {
    if (!hasWholeTexts(value)) throw half;
    if ("M" in value) checkTexts(value.M);
    if ("L" in value) for (const [index, entry] of value.L.entries()) checkValue(String(index), entry);
  } catch (error) {
    throw error instanceof AttributeValueError ? new AttributeValueError(error.message, [name, ...error.path]) : error;
  }
};

type ToSdk = (value: unknown) => SdkValue;

/** Converts the member `name`. If the conversion fails, adds `name` to the error's path. */
const at = (name: string, toSdk: ToSdk, value: unknown): SdkValue => {
  try {
    return toSdk(value);
  } catch (error) {
    throw error instanceof AttributeValueError ? new AttributeValueError(error.message, [name, ...error.path]) : error;
  }
};

/** Sets a member. For the name `__proto__`, a plain assignment would set the prototype instead of a member. */
const setMember = (item: Record<string, SdkValue>, name: string, value: SdkValue): void => {
  if (name === "__proto__") Object.defineProperty(item, name, { value, enumerable: true, writable: true });
  else item[name] = value;
};

const mapMembers = (entries: Iterable<readonly [string, unknown]>, toSdk: ToSdk): Record<string, SdkValue> => {
  const item: Record<string, SdkValue> = {};
  for (const [name, value] of entries) {
    if (value !== undefined) setMember(item, name, at(name, toSdk, value));
  }
  return item;
};

const numberText = (value: number | bigint): string => {
  if (typeof value === "bigint" || Number.isFinite(value)) return String(value);
  throw new AttributeValueError(`found ${value}; expected a finite number`);
};

const setTypes: Readonly<Record<string, "SS" | "NS" | "BS">> = { S: "SS", N: "NS", B: "BS" };

const marshalSet = (values: ReadonlySet<unknown>, toSdk: ToSdk): SdkValue => {
  const entries = [...values].map((value) => Object.entries(toSdk(value))[0] as [string, string & Uint8Array]);
  const [type = "none"] = entries[0] ?? [];
  const setType = setTypes[type];
  if (setType === undefined || entries.some(([other]) => other !== type)) {
    throw new AttributeValueError(
      `found a set of ${[...new Set(entries.map(([other]) => other))].join(" and ") || "nothing"}; expected one or more strings, or numbers, or bytes`,
    );
  }
  return { [setType]: entries.map(([, text]) => text) } as unknown as SdkValue;
};

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  // Does not compare with `Object.prototype`, because objects of another realm (`node:vm`) have another prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const marshalObject = (value: object, levels: number): SdkValue => {
  if (levels === 0) throw new AttributeValueError(`found more than ${maxLevels} levels; expected at most 32`);
  const toSdk: ToSdk = (entry) => marshal(entry, levels - 1);
  if (Array.isArray(value)) return { L: value.map((entry, index) => at(String(index), toSdk, entry)) };
  if (value instanceof Uint8Array) return { B: value };
  if (value instanceof Set) return marshalSet(value, toSdk);
  if (isNumberValue(value)) return { N: String(value) };
  if (value instanceof Map) {
    if ([...value.keys()].every((key) => typeof key === "string")) return { M: mapMembers(value, toSdk) };
    throw new AttributeValueError("found a Map with a key that is not a string; expected strings as keys");
  }
  if (isPlain(value)) return { M: mapMembers(Object.entries(value), toSdk) };
  throw new AttributeValueError(
    `found an object of class ${value.constructor?.name}; expected a value that DynamoDB has a type for`,
  );
};

const marshal = (value: unknown, levels: number): SdkValue => {
  switch (typeof value) {
    case "string":
      return { S: value };
    case "number":
    case "bigint":
      return { N: numberText(value) };
    case "boolean":
      return { BOOL: value };
    case "object":
      return value === null ? { NULL: true } : marshalObject(value, levels);
    default:
      throw new AttributeValueError(`found ${typeof value}; expected a value that DynamoDB has a type for`);
  }
};

/** Converts a value to an attribute value. @throws {AttributeValueError} when no DynamoDB type can hold the value. */
export const marshalValue: ToSdk = (value) => marshal(value, maxLevels);

/** Converts a native item, without its undefined members. @throws {AttributeValueError} as `marshalValue` does. */
export const marshalItem = (item: { readonly [attribute: string]: unknown }): Record<string, SdkValue> =>
  mapMembers(Object.entries(item), marshalValue);
