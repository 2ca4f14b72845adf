// Values of items as trees for people: DynamoDB's JSON and plain JSON in one form.

import type { Image } from "@sluice/core/sink-kit";
import { isObject } from "../objects.ts";

/** A value with its name. A leaf has a text; a list or a map has children. */
export interface ValueNode {
  /** Undefined for elements of lists and sets. */
  readonly name: string | undefined;
  /** For people, such as `text` or `set of numbers`. */
  readonly type: string;
  readonly text?: string;
  readonly children?: readonly ValueNode[];
}

/** A member of a copy beside the member that the copy should have. */
export interface MemberPair {
  readonly name: string;
  /** Undefined if the copy lacks the member. */
  readonly held: ValueNode | undefined;
  /** Undefined if the copy should lack the member. */
  readonly expected: ValueNode | undefined;
  readonly differs: boolean;
}

type Named = readonly [name: string | undefined, value: unknown];

const elements = (value: unknown): readonly Named[] =>
  Array.isArray(value) ? value.map((one): Named => [undefined, one]) : [];

const members = (value: unknown): readonly Named[] => (isObject(value) ? Object.entries(value) : []);

const leaf = (name: string | undefined, type: string, text: string): ValueNode => ({ name, type, text });

const setTypes: ReadonlyMap<string, readonly [type: string, element: string]> = new Map([
  ["SS", ["set of texts", "S"]],
  ["NS", ["set of numbers", "N"]],
  ["BS", ["set of binaries", "B"]],
]);

/** A value of DynamoDB's JSON: an object whose only member is named after the type. */
const attributeNode = ([name, value]: Named): ValueNode => {
  const [[type = "", inner] = []] = members(value) as readonly (readonly [string, unknown])[];
  const set = setTypes.get(type);
  if (set !== undefined) {
    const [word, element] = set;
    return {
      name,
      type: word,
      children: elements(inner).map(([, one]) => attributeNode([undefined, { [element]: one }])),
    };
  }
  switch (type) {
    case "S":
      return leaf(name, "text", JSON.stringify(inner));
    case "N":
      return leaf(name, "number", String(inner));
    case "B":
      return leaf(name, "binary, as base64", String(inner));
    case "BOOL":
      return leaf(name, "boolean", String(inner));
    case "NULL":
      return leaf(name, "null", "null");
    case "L":
      return { name, type: "list", children: elements(inner).map(attributeNode) };
    case "M":
      return { name, type: "map", children: members(inner).map(attributeNode) };
    default:
      return leaf(name, "unknown type", JSON.stringify(value));
  }
};

const plainNode = ([name, value]: Named): ValueNode => {
  if (Array.isArray(value)) return { name, type: "list", children: elements(value).map(plainNode) };
  if (isObject(value)) return { name, type: "map", children: members(value).map(plainNode) };
  return leaf(name, value === null ? "null" : typeof value === "string" ? "text" : typeof value, JSON.stringify(value));
};

const isRow = (value: unknown): boolean =>
  isObject(value) && Object.values(value).every((cell) => typeof cell === "string");

/** Returns the rows of a nested list, which a copy has as one text; undefined for another text. */
const rowsIn = (text: string): readonly unknown[] | undefined => {
  if (!text.startsWith("[{")) return undefined;
  try {
    const rows: unknown = JSON.parse(text);
    // The text may be that of a column. It is shown as rows only if nothing of it is lost.
    return Array.isArray(rows) && rows.every(isRow) && JSON.stringify(rows) === text ? rows : undefined;
  } catch {
    return undefined;
  }
};

/** A member of a copy. Each row of a nested list is one line. */
const copyNode = (value: unknown): ValueNode => {
  const rows = typeof value === "string" ? rowsIn(value) : undefined;
  if (rows === undefined) return plainNode([undefined, value]);
  return { name: undefined, type: "rows", children: rows.map((row) => leaf(undefined, "row", JSON.stringify(row))) };
};

/** The attributes of an item that is DynamoDB's JSON. */
export const imageNodes = (image: Image): readonly ValueNode[] => Object.entries(image).map(attributeNode);

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
};

const isEqual = (one: unknown, other: unknown): boolean =>
  JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));

const asMembers = (value: unknown): Readonly<Record<string, unknown>> =>
  value === undefined ? {} : isObject(value) ? value : { value };

/** Pairs the members of a copy with those that it should have. Members that differ come first. */
export const memberPairs = (held: unknown, expected: unknown): readonly MemberPair[] => {
  const has = asMembers(held);
  const wants = asMembers(expected);
  const nodeOf = (all: Readonly<Record<string, unknown>>, name: string): ValueNode | undefined =>
    Object.hasOwn(all, name) ? copyNode(all[name]) : undefined;
  const pairs = [...new Set([...Object.keys(wants), ...Object.keys(has)])].map((name) => ({
    name,
    held: nodeOf(has, name),
    expected: nodeOf(wants, name),
    differs: Object.hasOwn(has, name) !== Object.hasOwn(wants, name) || !isEqual(has[name], wants[name]),
  }));
  return [...pairs.filter(({ differs }) => differs), ...pairs.filter(({ differs }) => !differs)];
};
