// Items as text: to compare two states of an item, and to select the sample.

import { createHash } from "node:crypto";
import { type AttributeValue, type Image, itemKeyOf, wireImage } from "@sluice/core/envelope";

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : Number(one > other);

/** DynamoDB returns the attributes of an item, and the members of a set, in any order. */
const ordered = (value: AttributeValue): unknown => {
  if ("M" in value) return { M: orderedImage(value.M) };
  if ("L" in value) return { L: value.L.map(ordered) };
  if ("SS" in value) return { SS: [...value.SS].sort() };
  if ("NS" in value) return { NS: [...value.NS].sort() };
  if ("BS" in value) return { BS: [...value.BS].sort() };
  return value;
};

const orderedImage = (image: Image): unknown =>
  Object.entries(image)
    .sort(byName)
    .map(([name, value]) => [name, ordered(value)]);

/** Returns a text that is the same for equal states of an item, and different for others. An item that does not exist has one, too. */
export const itemDigest = (item: Image | undefined): string =>
  item === undefined
    ? "absent"
    : createHash("sha256")
        .update(JSON.stringify(orderedImage(wireImage(item))))
        .digest("base64url")
        .slice(0, 22);

/** Returns a text that is the same for equal texts, and short. */
export const shortHash = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 12);

/** Whether an item is in the sample. The answer depends on the item's key alone, so that every run has the same sample. */
export const isSampled = (keys: Image, sample: number): boolean => {
  if (sample >= 1) return true;
  return createHash("sha256").update(itemKeyOf(keys)).digest().readUIntBE(0, 6) / 2 ** 48 < sample;
};
