// The key of an item in a form and in the address.

import type { Image } from "@sluice/core/sink-kit";
import { isObject } from "../objects.ts";

/** Types of key attributes, as DynamoDB names them. */
export const keyTypes = ["S", "N", "B"] as const;

/** The type of a key attribute. */
export type KeyType = (typeof keyTypes)[number];

/** What a type is, for people. */
export const keyTypeWords: Readonly<Record<KeyType, string>> = {
  S: "text",
  N: "number",
  B: "binary, as base64",
};

/** A key attribute in the form. */
export interface KeyField {
  readonly name: string;
  readonly type: KeyType;
  readonly text: string;
}

const isKeyType = (text: string): text is KeyType => (keyTypes as readonly string[]).includes(text);

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isKeyValue = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const [[type, content] = [], ...more] = Object.entries(value);
  return more.length === 0 && type !== undefined && isKeyType(type) && typeof content === "string";
};

/** Reads a key that is DynamoDB's JSON. Undefined if the text is something else. */
export const keysIn = (text: string | undefined): Image | undefined => {
  const value = text === undefined ? undefined : parsed(text);
  if (!isObject(value)) return undefined;
  const values = Object.values(value);
  return values.length > 0 && values.every(isKeyValue) ? (value as unknown as Image) : undefined;
};

/** The fields of a form, filled from the key of the address where this has the attribute. */
export const fieldsOf = (
  names: readonly string[],
  types: Readonly<Record<string, KeyType>>,
  keys: Image | undefined,
): readonly KeyField[] =>
  names.map((name) => {
    const [[type, text] = []] = Object.entries(keys?.[name] ?? {});
    return {
      name,
      type: type !== undefined && isKeyType(type) ? type : (types[name] ?? "S"),
      text: typeof text === "string" ? text : "",
    };
  });

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Says what is wrong with a field; undefined if nothing is. */
export const fieldProblem = ({ name, type, text }: KeyField): string | undefined => {
  if (text === "") return `${name} is empty; expected its value`;
  if (type === "N" && !numberPattern.test(text.trim())) return `${name} is not a number; expected one, such as 17`;
  if (type === "B" && !base64Pattern.test(text.trim())) return `${name} is not base64; expected base64 text`;
  return undefined;
};

/** The key as DynamoDB's JSON. Call it for fields without a problem. */
export const keyOf = (fields: readonly KeyField[]): Image =>
  Object.fromEntries(
    fields.map(({ name, type, text }) => [name, { [type]: type === "S" ? text : text.trim() }]),
  ) as unknown as Image;

const inOrder = (keys: Image): string =>
  JSON.stringify(Object.entries(keys).sort(([one], [other]) => (one < other ? -1 : 1)));

/** Whether two keys are of the same item. */
export const isSameKey = (one: Image | undefined, other: Image | undefined): boolean =>
  one !== undefined && other !== undefined && inOrder(one) === inOrder(other);
