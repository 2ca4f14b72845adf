// The editor of a dead letter's item: what it begins with, and what it accepts.

import type { Image } from "@sluice/core/sink-kit";
import { isObject } from "../objects.ts";
import { isSameKey } from "./item-key.ts";

/** What an editor's text is: an item to send, or what is wrong with it. */
export type Edited =
  | { readonly image: Image; readonly problem?: undefined }
  | { readonly problem: string; readonly image?: undefined };

/** The item as indented JSON. Attributes of the key come first. */
export const editorText = (image: Image | undefined, keys: Image | undefined): string =>
  JSON.stringify({ ...keys, ...image }, undefined, 2);

/** Where JSON ends to be JSON, from the message of the browser: `line 3, column 5`. */
const placeIn = (text: string, message: string): string => {
  const [, line, column] = /line (\d+) column (\d+)/.exec(message) ?? [];
  if (line !== undefined && column !== undefined) return ` at line ${line}, column ${column}`;
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (position === undefined) return "";
  const before = text.slice(0, Number(position)).split("\n");
  return ` at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
};

const arrayOf =
  (isElement: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(isElement);

const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean =>
  typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value);
const isBase64 = (value: unknown): boolean =>
  typeof value === "string" && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value);
const isSet = (isElement: (value: unknown) => boolean) => (value: unknown) =>
  arrayOf(isElement)(value) && (value as readonly unknown[]).length > 0;

/** What the content of each type must be. Lists and maps are checked element by element. */
const leaves: ReadonlyMap<string, readonly [isContent: (value: unknown) => boolean, expected: string]> = new Map([
  ["S", [isText, "a text"]],
  ["N", [isNumber, 'a number as text, such as "17"']],
  ["B", [isBase64, "base64 text"]],
  ["BOOL", [(value) => typeof value === "boolean", "true or false"]],
  ["NULL", [(value) => value === true, "true"]],
  ["SS", [isSet(isText), "a list of texts that is not empty"]],
  ["NS", [isSet(isNumber), "a list of numbers as texts that is not empty"]],
  ["BS", [isSet(isBase64), "a list of base64 texts that is not empty"]],
]);

const expectedTypes = 'an object with one member of DynamoDB\'s types, such as {"S":"text"} or {"N":"17"}';

const attributeProblem = (path: string, value: unknown): string | undefined => {
  const [[type, content] = [], ...more] = isObject(value) ? Object.entries(value) : [];
  if (type === undefined || more.length > 0) return `${path} has no type; expected ${expectedTypes}`;
  const leaf = leaves.get(type);
  if (leaf !== undefined) {
    const [isContent, expected] = leaf;
    return isContent(content) ? undefined : `${path} is no ${type}; expected ${expected}`;
  }
  if (type === "M" && isObject(content)) return firstProblem(path, Object.entries(content));
  if (type === "L" && Array.isArray(content)) {
    return firstProblem(
      path,
      content.map((one, index) => [String(index), one]),
    );
  }
  return `${path} has the type ${JSON.stringify(type)}; expected ${expectedTypes}`;
};

const firstProblem = (
  path: string,
  members: readonly (readonly [name: string, value: unknown])[],
): string | undefined => {
  for (const [name, value] of members) {
    const problem = attributeProblem(path === "" ? name : `${path}.${name}`, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

/** Reads the editor. The key cannot be changed: its attributes must be as they were. */
export const readEdited = (text: string, keys: Image | undefined): Edited => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `The text is not JSON${placeIn(text, error instanceof Error ? error.message : "")}.` };
  }
  if (!isObject(value)) return { problem: "The text is no object; expected the item's attributes by name." };
  const problem = firstProblem("", Object.entries(value));
  if (problem !== undefined) return { problem: `${problem}.` };
  const image = value as unknown as Image;
  const names = Object.keys(keys ?? {});
  const own = Object.fromEntries(names.flatMap((name) => (name in image ? [[name, image[name]]] : []))) as Image;
  if (keys !== undefined && !isSameKey(own, keys))
    return { problem: `The key was changed; expected ${names.join(" and ")} as before.` };
  return { image };
};
