// Items with a list, a set in each element of the list, and a map. The collections grow, shrink, are reordered and vanish
// from one revision of an item to the next.

import type { AttributeValue, Image } from "@sluice/core/sink-kit";
import { type Random, randomOf } from "./random.ts";

const skus = ["tea", "cup", "", "日本語"] as const;
const prices = ["0", "-1.5", "12345678901234567890123456789012345678"] as const;

/** The same few elements are drawn again and again, so that many rows of the next revision are equal to stored rows. */
const lineOf = (random: Random): AttributeValue => {
  const serials = random.some(["s1", "s2", "s3"], 0.4);
  return {
    M: {
      sku: { S: random.pick(skus) },
      ...(random.chance(0.8) && { qty: { N: String(1 + random.integer(2)) } }),
      ...(random.chance(0.5) && { price: { N: random.pick(prices) } }),
      ...(serials.length > 0 && { serials: { SS: serials } }),
    },
  };
};

const lineCount = 5;
const linesOf = (random: Random): AttributeValue => ({
  L: Array.from({ length: random.integer(lineCount) }, () => lineOf(random)),
});

const labelsOf = (random: Random): AttributeValue => ({
  M: Object.fromEntries(random.some(["a.b", "de", "en"], 0.6).map((name) => [name, { S: random.pick(skus) }])),
});

const numberOf = (value: AttributeValue | undefined): number => (value && "N" in value ? Number(value.N) : 0);

/** Returns the item with collections, which depend on its revision. */
export const withCollections = (image: Image): Image => {
  const random = randomOf(numberOf(image.revision) * 7_919);
  return {
    ...image,
    ...(random.chance(0.85) && { lines: random.chance(0.1) ? { NULL: true } : linesOf(random) }),
    ...(random.chance(0.7) && { labels: labelsOf(random) }),
  };
};

type Members = Readonly<Record<string, AttributeValue | undefined>>;

const membersOf = (value: AttributeValue | undefined): Members => (value && "M" in value ? value.M : {});

const textOf = (value: AttributeValue | undefined): string | null => {
  if (value === undefined) return null;
  return "S" in value ? value.S : "N" in value ? value.N : null;
};

/** A row: the text of each column, or null. */
export type Row = readonly (string | null)[];

/** The rows of each child table that belong to one item, in the order of their keys. The item's key is left out. */
export interface FamilyRows {
  /** Position, sku, quantity, price. */
  readonly lines: readonly Row[];
  /** Position of the line, serial number. */
  readonly serials: readonly Row[];
  /** Name, value. */
  readonly labels: readonly Row[];
}

/** Returns the expected rows of an item. */
export const familyOf = ({ lines, labels }: Image): FamilyRows => {
  const elements = (lines && "L" in lines ? lines.L : []).map(membersOf);
  const serialsOf = ({ serials }: Members): readonly string[] => (serials && "SS" in serials ? serials.SS : []);
  return {
    lines: elements.map(({ sku, qty, price }, line) => [String(line), textOf(sku), textOf(qty), textOf(price)]),
    serials: elements.flatMap((element, line) => serialsOf(element).map((serial) => [String(line), serial])),
    labels: Object.entries(membersOf(labels)).map(([name, value]) => [name, textOf(value)]),
  };
};
