// Items as text: to compare two states of an item, to select the sample, and to send items as JSON.

import { createHash } from "node:crypto";
import { type AttributeValue, type Image, itemKeyOf } from "@sluice/core/envelope";

const base64 = (bytes: string | Uint8Array): string =>
  typeof bytes === "string" ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

const jsonValue = (value: AttributeValue): AttributeValue => {
  if ("B" in value) return { B: base64(value.B) };
  if ("BS" in value) return { BS: value.BS.map(base64) };
  if ("L" in value) return { L: value.L.map(jsonValue) };
  if ("M" in value) return { M: jsonImage(value.M) };
  return value;
};

/** Returns the image with base64 text in place of bytes, so that it can be sent as JSON. */
export const jsonImage = (image: Image): Image =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, jsonValue(value)]));

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : Number(one > other);

/** DynamoDB returns the attributes of an item, and the members of a set, in any order. */
const ordered = (value: AttributeValue): unknown => {
  if ("M" in value) return { M: orderedImage(value.M) };
  if ("L" in value) return { L: value.L.map(ordered) };
  if ("SS" in value) return { SS: [...value.SS].sort() };
  if ("NS" in value) return { NS: [...value.NS].sort() };
  if ("BS" in value) return { BS: value.BS.map(base64).sort() };
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
        .update(JSON.stringify(orderedImage(jsonImage(item))))
        .digest("base64url")
        .slice(0, 22);

/** Returns a text that is the same for equal texts, and short. */
export const shortHash = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 12);

/** Whether an item is in the sample. The answer depends on the item's key alone, so that every run has the same sample. */
export const isSampled = (keys: Image, sample: number): boolean => {
  if (sample >= 1) return true;
  return createHash("sha256").update(itemKeyOf(keys)).digest().readUIntBE(0, 6) / 2 ** 48 < sample;
};
