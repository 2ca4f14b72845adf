// Reads a file with items: a JSON array, or NDJSON; plain JSON, or DynamoDB's.

import { readFile } from "node:fs/promises";
import type { Image } from "@sluice/core/sink-kit";
import { DevError } from "../dev-error.ts";
import { parseExactly } from "./exact-json.ts";
import { imageOf, isDynamodbJson, isObject } from "./item-of.ts";

type PlainItem = Readonly<Record<string, unknown>>;

const found = (value: unknown): string => (Array.isArray(value) ? "an array" : value === null ? "null" : typeof value);

/** Where an item is in its file: `line 3`, or `item 3`. */
interface Placed {
  readonly place: string;
  readonly value: unknown;
}

const syntaxError = (file: string, place: string, cause: unknown): DevError => {
  // Node's message may end with a piece of the text, which has values.
  const [, position] = /at position (\d+)/.exec(cause instanceof Error ? cause.message : "") ?? [];
  const where = position === undefined ? "" : ` at character ${Number(position) + 1}`;
  return new DevError(`${file}: ${place} is not JSON${where}; expected one item. Nothing was written`, { cause });
};

const parsed = (file: string, place: string, text: string): unknown => {
  try {
    return parseExactly(text);
  } catch (cause) {
    throw syntaxError(file, place, cause);
  }
};

const linesOf = (file: string, text: string): readonly Placed[] =>
  text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const place = `line ${index + 1}`;
    return [{ place, value: parsed(file, place, line) }];
  });

/** The line of a character, from 1. */
const lineAt = (text: string, position: number): number => text.slice(0, position).split("\n").length;

const arrayOf = (file: string, text: string): readonly Placed[] => {
  try {
    const value = parseExactly(text);
    const items = Array.isArray(value) ? value : [value];
    return items.map((item, index) => ({ place: `item ${index + 1}`, value: item }));
  } catch (cause) {
    const [, position] = /at position (\d+)/.exec(cause instanceof Error ? cause.message : "") ?? [];
    const line = position === undefined ? text.split("\n").length : lineAt(text, Number(position));
    throw new DevError(`${file}: line ${line} is not JSON; expected an array of items. Nothing was written`, { cause });
  }
};

/** A file that begins with `[`, and is not a line for each item, is an array. */
const isArrayFile = (path: string, text: string): boolean =>
  text.trimStart().startsWith("[") || (path.endsWith(".json") && !isEachLineAnObject(text));

const isEachLineAnObject = (text: string): boolean => {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.length > 1 && lines.every((line) => /^\s*\{.*\}\s*$/.test(line));
};

/** A line of DynamoDB's own export has the item as the member `Item`. */
const unwrapped = (items: readonly PlainItem[]): readonly PlainItem[] => {
  const inner = items.map(({ Item, ...others }) =>
    Object.keys(others).length === 0 && isObject(Item) ? Item : undefined,
  );
  const all = inner.filter((item) => item !== undefined);
  return all.length === items.length && all.every(isDynamodbJson) ? all : items;
};

/**
 * Reads the items of a file, as DynamoDB's JSON. All items of a file are plain JSON, or all are DynamoDB's.
 * @throws {DevError} when the file cannot be read, or a part of it is no item. The message names the line
 */
export const readSeed = async (path: string): Promise<readonly Image[]> => {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new DevError(`the seed ${path} cannot be read: ${cause.code}; expected a file with items`, { cause });
  });
  const content = text.replace(/^\uFEFF/, "");
  const placed = isArrayFile(path, content) ? arrayOf(path, content) : linesOf(path, content);
  const items = placed.map(({ place, value }) => {
    if (isObject(value)) return value;
    throw new DevError(`${path}: ${place} is ${found(value)}; expected an object, the item. Nothing was written`);
  });
  const plain = unwrapped(items);
  return plain.every(isDynamodbJson) ? (plain as readonly Image[]) : plain.map(imageOf);
};
