// Items and keys, as DynamoDB's JSON. Names of attributes may be any text, also `__proto__`: nothing here copies them.

import { type AttributeValue, type Image, isRecord } from "@sluice/core/sink-kit";
import { invalid, type Reader } from "./read.ts";

/** DynamoDB's own limit. */
const deepest = 32;

const isText = (value: unknown): boolean => typeof value === "string";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isText);

/** Whether the content fits the type, for the types without values inside. */
const scalars: ReadonlyMap<string, (content: unknown) => boolean> = new Map([
  ["S", isText],
  ["N", isText],
  ["B", isText],
  ["BOOL", (content) => typeof content === "boolean"],
  ["NULL", (content) => content === true],
  ["SS", isTexts],
  ["NS", isTexts],
  ["BS", isTexts],
]);

const isValue = (value: unknown, depth: number): value is AttributeValue => {
  if (!isRecord(value) || depth > deepest) return false;
  const entries = Object.entries(value);
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) return false;
  const [type, content] = entry;
  if (type === "L") return Array.isArray(content) && content.every((one) => isValue(one, depth + 1));
  if (type === "M") return isRecord(content) && Object.values(content).every((one) => isValue(one, depth + 1));
  return scalars.get(type)?.(content) === true;
};

/** Reads an item. */
export const image: Reader<Image> = (value, path) => {
  const isImage = isRecord(value) && Object.values(value).every((one) => isValue(one, 1));
  if (isImage && Object.keys(value).length > 0) return value as Image;
  throw invalid(path, "something else", 'attributes as DynamoDB\'s JSON, such as {"id":{"S":"…"}}');
};

const isKeyValue = (value: unknown): boolean => {
  const [type, ...others] = Object.keys(isRecord(value) ? value : {});
  return others.length === 0 && (type === "S" || type === "N" || type === "B") && isValue(value, 1);
};

/** Reads a key: one or two attributes. */
export const keys: Reader<Image> = (value, path) => {
  const values = isRecord(value) ? Object.values(value) : [];
  if (values.length > 0 && values.length < 3 && values.every(isKeyValue)) return value as Image;
  throw invalid(path, "something else", 'one or two key attributes as DynamoDB\'s JSON, such as {"id":{"S":"…"}}');
};
