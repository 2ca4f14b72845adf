// Turns a plain JSON item into DynamoDB's JSON.

import type { AttributeValue, Image } from "@sluice/core/sink-kit";
import { ExactNumber } from "./exact-json.ts";

const types = new Set(["S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"]);

/** Whether a value is a plain object of JSON. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

const isContent = (type: string, content: unknown): boolean => {
  if (type === "S" || type === "N" || type === "B") return typeof content === "string";
  if (type === "BOOL" || type === "NULL") return typeof content === "boolean";
  if (type === "M") return isObject(content) && Object.values(content).every(isAttribute);
  if (type === "L") return Array.isArray(content) && content.every(isAttribute);
  return Array.isArray(content) && content.every((entry) => typeof entry === "string");
};

const isAttribute = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const [[type = "", content] = [], ...others] = Object.entries(value);
  return others.length === 0 && types.has(type) && isContent(type, content);
};

/** Whether each attribute of an item is written as DynamoDB's JSON: `{"id":{"S":"o-1"}}`. */
export const isDynamodbJson = (item: Readonly<Record<string, unknown>>): boolean => {
  const values = Object.values(item);
  return values.length > 0 && values.every(isAttribute);
};

const attributeOf = (value: unknown): AttributeValue => {
  if (typeof value === "string") return { S: value };
  if (value instanceof ExactNumber) return { N: value.text };
  if (typeof value === "boolean") return { BOOL: value };
  if (value === null) return { NULL: true };
  if (Array.isArray(value)) return { L: value.map(attributeOf) };
  return { M: imageOf(value as Readonly<Record<string, unknown>>) };
};

/** DynamoDB's JSON of a plain item. */
export const imageOf = (item: Readonly<Record<string, unknown>>): Image =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, attributeOf(value)]));
