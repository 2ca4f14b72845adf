// The elements of lists, sets and maps: of an item's image, and of the rows that a mapper returns.

import { type AttributeValue, hasMembers } from "@sluice/core/sink-kit";
import { follow, listIndex } from "./attribute-path.ts";
import { ColumnValueError, sortedSet } from "./codec.ts";

/** The elements of one collection. Only the elements of a map have names. */
export interface Elements<Value> {
  readonly kind: "list" | "set" | "map";
  readonly values: readonly Value[];
  readonly names?: readonly string[];
}

/** How to read the values of one kind: attribute values, or JavaScript values. */
export interface ElementReader<Value> {
  /** Returns the value at a path, or undefined. */
  readonly follow: (value: Value, path: readonly string[]) => Value | undefined;
  /** Returns the elements; undefined for NULL. @throws {ColumnValueError} when the value is not a collection. */
  readonly elementsOf: (value: Value | undefined) => Elements<Value> | undefined;
}

const wrongValue = (found: string): ColumnValueError =>
  new ColumnValueError(`found ${found}; expected a list, a set or a map`);

const attributeNouns: Readonly<Record<string, string>> = {
  S: "a string",
  N: "a number",
  B: "binary",
  BOOL: "a boolean",
  SS: "a set",
  NS: "a set",
  BS: "a set",
};

const nounOfAttribute = (value: AttributeValue): string =>
  attributeNouns[Object.keys(value)[0] ?? ""] ?? "a value of an unknown type";

/**
 * Checks that an element can have members, or is NULL.
 * @throws {ColumnValueError} when it is a single value or a set, of which every member would be NULL.
 */
export const checkMembers = (element: AttributeValue, column: string, path: readonly string[]): void => {
  if ("M" in element || "L" in element || "NULL" in element) return;
  const expected = `a map, because column "${column}" is the member "${path.join(".")}" of each element`;
  throw new ColumnValueError(`found ${nounOfAttribute(element)}; expected ${expected} (path [] is the element itself)`);
};

const attributeElements = (value: AttributeValue | undefined): Elements<AttributeValue> | undefined => {
  if (value === undefined || "NULL" in value) return undefined;
  if ("L" in value) return { kind: "list", values: value.L };
  if ("M" in value) return { kind: "map", values: Object.values(value.M), names: Object.keys(value.M) };
  if ("SS" in value) return { kind: "set", values: sortedSet(value.SS).map((S) => ({ S })) };
  if ("NS" in value) return { kind: "set", values: sortedSet(value.NS).map((N) => ({ N })) };
  if ("BS" in value) return { kind: "set", values: sortedSet(value.BS).map((B) => ({ B })) };
  throw wrongValue(nounOfAttribute(value));
};

/** Reads an item's image. */
export const attributeReader: ElementReader<AttributeValue> = {
  follow,
  elementsOf: attributeElements,
};

const nameOf = (name: unknown): string => {
  if (typeof name === "string" || typeof name === "number" || typeof name === "bigint") return String(name);
  throw new ColumnValueError(`found a Map with a name of type ${typeof name}; expected a string`);
};

const nounOf = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return value instanceof Uint8Array ? "bytes" : `an object of class ${value.constructor?.name ?? "unknown"}`;
};

const valueElements = (value: unknown): Elements<unknown> | undefined => {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return { kind: "list", values: value };
  if (value instanceof Set) return { kind: "set", values: sortedSet([...value]) };
  if (value instanceof Map) return { kind: "map", values: [...value.values()], names: [...value.keys()].map(nameOf) };
  if (hasMembers(value)) return { kind: "map", values: Object.values(value), names: Object.keys(value) };
  throw wrongValue(nounOf(value));
};

const valueMember = (value: unknown, segment: string): unknown => {
  if (Array.isArray(value)) return listIndex.test(segment) ? value[Number(segment)] : undefined;
  if (value instanceof Map) return value.get(segment);
  return hasMembers(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
};

/** Reads a mapper's row. */
export const valueReader: ElementReader<unknown> = {
  follow: (value, path) => path.reduce(valueMember, value),
  elementsOf: valueElements,
};
