// Checks an item that a person has edited: DynamoDB's JSON, as DynamoDB itself would take it.

import { spelledKeys } from "@sluice/backfill";
import { type Image, itemKeyOf } from "@sluice/core/envelope";
import { canonicalDecimal, isRecord } from "@sluice/core/sink-kit";
import { ActionError } from "./action-error.ts";

const wrong = (path: string, found: string, expected: string): ActionError =>
  new ActionError(
    "IMAGE_INVALID",
    `${path === "" ? "the item" : `the attribute ${path}`} ${found}; expected ${expected}`,
  );

const numberPattern = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const maxDigits = 38;

/** The decimal exponents of DynamoDB's numbers, counted from the first digit. */
const maxExponent = 125;
const minExponent = -130;

const isNumber = (text: unknown): text is string => {
  if (typeof text !== "string" || text.length > 400 || !numberPattern.test(text)) return false;
  const [digits = "", exponent = "0"] = canonicalDecimal(text).split("e");
  const { length } = digits.replace("-", "");
  const first = Number(exponent) + length - 1;
  return length <= maxDigits && first <= maxExponent && first >= minExponent;
};

const isBase64 = (text: unknown): text is string =>
  typeof text === "string" && Buffer.from(text, "base64").toString("base64") === text;

const isSet = (isMember: (value: unknown) => boolean, nameOf: (member: string) => string) => (value: unknown) =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(isMember) &&
  new Set((value as readonly string[]).map(nameOf)).size === value.length;

const isText = (value: unknown): boolean => typeof value === "string";
const asIs = (member: string): string => member;

/** The types without nested values: whether a content is right, and what is expected. */
const plainTypes: Readonly<Record<string, readonly [(content: unknown) => boolean, string]>> = {
  S: [isText, "a text"],
  N: [isNumber, "the text of a decimal number of at most 38 digits"],
  B: [isBase64, "base64 text"],
  BOOL: [(content) => typeof content === "boolean", "true or false"],
  NULL: [(content) => content === true, "true"],
  SS: [isSet(isText, asIs), "a list of different texts"],
  NS: [isSet(isNumber, canonicalDecimal), "a list of different numbers as texts"],
  BS: [isSet(isBase64, asIs), "a list of different base64 texts"],
};

const typeNames = [...Object.keys(plainTypes), "L", "M"].join(", ");

/** Levels of nested values in DynamoDB. */
const maxDepth = 32;

type Members = readonly (readonly [path: string, value: unknown])[];

/** The members of a map or a list; undefined for other types. */
const membersOf = (path: string, type: string, content: unknown): Members | undefined => {
  if (type === "M") {
    if (!isRecord(content)) throw wrong(path, "has another content than that of type M", "an object");
    return Object.entries(content).map(([name, one]) => [`${path}.${name}`, one]);
  }
  if (type !== "L") return undefined;
  if (!Array.isArray(content)) throw wrong(path, "has another content than that of type L", "a list");
  return content.map((one: unknown, index) => [`${path}[${index}]`, one]);
};

const checkPlain = (path: string, type: string, content: unknown): void => {
  const [isRight, expected] = (Object.hasOwn(plainTypes, type) && plainTypes[type]) || [];
  if (isRight === undefined || expected === undefined) throw wrong(path, "has an unknown type", `one of ${typeNames}`);
  if (!isRight(content)) throw wrong(path, `has another content than that of type ${type}`, expected);
};

const checkMembers = (members: Members, depth: number): void => {
  for (const [path, value] of members) {
    if (depth > maxDepth) throw wrong(path, "is nested too deeply", `at most ${maxDepth} levels`);
    const [[type, content] = [], another] = isRecord(value) ? Object.entries(value) : [];
    if (type === undefined || another !== undefined) throw wrong(path, "is no typed value", 'one such as {"S":"…"}');
    const nested = membersOf(path, type, content);
    if (nested === undefined) checkPlain(path, type, content);
    else checkMembers(nested, depth + 1);
  }
};

/** Returns the value as an item. @throws {ActionError} IMAGE_INVALID if DynamoDB could not hold it */
export const imageIn = (value: unknown): Image => {
  if (!isRecord(value)) throw wrong("", "is no object", 'an object such as {"id":{"S":"…"}}');
  checkMembers(Object.entries(value), 0);
  return value as Image;
};

/** @throws {ActionError} IMAGE_INVALID if the item has another key */
export const checkSameKey = (image: Image, keys: Image): void => {
  const names = Object.keys(keys);
  const missing = names.find((name) => !Object.hasOwn(image, name));
  if (missing !== undefined) throw wrong(missing, "is missing", "the same key as that of the dead letter");
  const own = Object.fromEntries(names.map((name) => [name, image[name] as Image[string]]));
  if (itemKeyOf(spelledKeys(own)) === itemKeyOf(spelledKeys(keys))) return;
  throw new ActionError("IMAGE_INVALID", "the item has another key; expected the same key as that of the dead letter");
};
