// Guesses the key of a table from the items that it gets.

import type { Image } from "@sluice/core/sink-kit";
import type { KeyAttribute, TableKey } from "../worker/messages.ts";

const keyTypes = ["S", "N", "B"] as const;

const typeIn = (value: Image[string] | undefined): KeyAttribute["type"] | undefined =>
  keyTypes.find((type) => value !== undefined && type in value);

/** The attribute, if every item has it with the same type. */
const attributeIn = (items: readonly Image[], name: string): KeyAttribute | undefined => {
  const types = new Set(items.map((item) => typeIn(item[name])));
  const [type] = types;
  return types.size === 1 && type !== undefined ? { name, type } : undefined;
};

const textOf = (item: Image, name: string): string => JSON.stringify(item[name]);

const isUnique = (items: readonly Image[], names: readonly string[]): boolean =>
  new Set(items.map((item) => names.map((name) => textOf(item, name)).join(" "))).size === items.length;

const pairs = [
  ["pk", "sk"],
  ["PK", "SK"],
] as const;

/**
 * The key that the items seem to have: `pk` and `sk`, or `id`, or the first attribute whose name ends with `id` and that
 * differs from item to item. Undefined if there is none.
 */
export const keyOfSeed = (items: readonly Image[]): TableKey | undefined => {
  for (const [partition, sort] of pairs) {
    const [one, other] = [attributeIn(items, partition), attributeIn(items, sort)];
    if (one && other && isUnique(items, [partition, sort])) return [one, other];
  }
  const names = Object.keys(items[0] ?? {});
  const candidates = ["id", ...names.filter((name) => /(?:^|_|-)id$|I[dD]$/.test(name)), "pk", "PK"];
  const name = candidates.find((candidate) => attributeIn(items, candidate) && isUnique(items, [candidate]));
  const found = name === undefined ? undefined : attributeIn(items, name);
  return found && [found];
};
