// Reads the option `--key`: an item's key as JSON, either plain (`{"pk":"a"}`) or in DynamoDB's format.

import type { Image } from "@sluice/core/sink-kit";
import { CommandError } from "../command-line/command-error.ts";

/** Whether an item has the given key. A partition key without a sort key matches all items with that partition key. */
export type KeyMatch = (keys: Image | undefined) => boolean;

/** Type and text of a key attribute. */
interface KeyPart {
  readonly type: string;
  readonly text: string;
}

const expected = `expected JSON of the item's key attributes: '{"pk":"a","sk":1}', or '{"pk":{"S":"a"},"sk":{"N":"1"}}'`;

const wrong = (found: string): CommandError => new CommandError(`--key ${found}; ${expected}`);

/** Converts a number to DynamoDB's format. Refuses an exponent, and numbers that `JSON.parse` may have rounded. */
const plainNumber = (name: string, value: number): KeyPart => {
  const text = String(value);
  if (/^-?\d+(\.\d+)?$/.test(text) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return { type: "N", text };
  throw new CommandError(`--key has a number at ${name} that JSON may round; expected {"N":"…"} with all its digits`);
};

const partOf = (name: string, value: unknown): KeyPart => {
  if (typeof value === "string") return { type: "S", text: value };
  if (typeof value === "number") return plainNumber(name, value);
  const [[type, text] = [], another] = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (another !== undefined || typeof text !== "string" || !["S", "N", "B"].includes(type ?? "")) {
    throw wrong(`has at ${name} a value that cannot be a key`);
  }
  return { type: type as string, text };
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong("is not JSON");
  }
};

/** Reads a key. @throws {CommandError} when the text is not a key */
export const keyMatch = (text: string): KeyMatch => {
  const value = parsed(text);
  if (typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length === 0) {
    throw wrong("is not an object with attributes");
  }
  const parts = Object.entries(value).map(([name, one]) => [name, partOf(name, one)] as const);
  return (keys) =>
    parts.every(([name, { type, text: wanted }]) => {
      const held = keys?.[name] as Readonly<Record<string, unknown>> | undefined;
      return held?.[type] === wanted;
    });
};
