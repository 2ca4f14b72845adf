// Reads the option `--key` of a verification or a trace: the whole key of an item as JSON.

import type { Image } from "@sluice/core/sink-kit";
import { CommandError } from "../command-line/command-error.ts";
import type { SourceTable } from "./source-table.ts";

type KeyTypes = SourceTable["keyTypes"];

const wrong = (found: string, types: KeyTypes): CommandError => {
  const example = JSON.stringify(
    Object.fromEntries(Object.entries(types).map(([name, type]) => [name, type === "N" ? 1 : "…"])),
  );
  return new CommandError(`--key ${found}; expected all key attributes of the table as JSON: '${example}'`);
};

const numberPattern = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** The text of a key attribute. The value is plain, or in DynamoDB's format. A key is never empty. */
const textOf = (value: unknown, type: string): string | undefined => {
  if (typeof value === "number" && type === "N" && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value);
  const isTyped = typeof value === "object" && value !== null && Object.keys(value).join() === type;
  const text = isTyped ? (value as { readonly [type: string]: unknown })[type] : value;
  return typeof text === "string" && text !== "" ? text : undefined;
};

const keyValue = (name: string, value: unknown, types: KeyTypes): Image[string] => {
  const type = types[name];
  const text = textOf(value, type ?? "");
  const isRight = text !== undefined && (type !== "N" || numberPattern.test(text));
  if (!isRight) throw wrong(`has at ${name} a value that is no key of type ${type}`, types);
  return { [type ?? "S"]: text } as Image[string];
};

const parsed = (text: string, types: KeyTypes): object => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    throw wrong("is not JSON", types);
  }
  throw wrong("is no JSON object", types);
};

/** Reads a key of a table. @throws {CommandError} when the text is not a whole key of the table */
export const itemKeyIn = (text: string, types: KeyTypes): Image => {
  const value = parsed(text, types);
  const missing = Object.keys(types).find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw wrong(`has no ${missing}`, types);
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(types, name));
  if (unknown !== undefined) throw wrong(`has ${unknown}, which is no key attribute`, types);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, keyValue(name, one, types)]));
};

/** Formats a key without its types: `{"id":"o-1"}`. */
export const plainKey = (keys: Image): string =>
  JSON.stringify(Object.fromEntries(Object.entries(keys).map(([name, value]) => [name, Object.values(value)[0]])));
