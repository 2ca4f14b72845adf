// Converts plain items to attribute values, as they are in the stream records of a Lambda event.

import { marshall } from "@aws-sdk/util-dynamodb";
import type { AttributeValue, Image } from "@sluice/core/sink-kit";

/**
 * An item in plain JavaScript: strings, numbers, BigInts, `NumberValue`s, booleans, null, `Uint8Array`s, `Set`s, arrays and
 * nested objects. Undefined members are left out.
 */
export type PlainItem = { readonly [attribute: string]: unknown };

const base64 = (value: string | Uint8Array): string =>
  typeof value === "string" ? value : Buffer.from(value).toString("base64");

/** Converts binary values to base64 text, because a Lambda event is JSON. */
const asInEvent = (value: AttributeValue): AttributeValue => {
  if ("B" in value) return { B: base64(value.B) };
  if ("BS" in value) return { BS: value.BS.map(base64) };
  if ("L" in value) return { L: value.L.map(asInEvent) };
  return "M" in value ? { M: eachAttribute(value.M) } : value;
};

const eachAttribute = (image: Image): Image =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, asInEvent(value)]));

/**
 * The attribute values of a plain item, as in a Lambda event: numbers as decimal text, binary as base64 text.
 * @throws {Error} when DynamoDB cannot hold a value, such as NaN, an empty set, or a number that a double has rounded.
 */
export const toImage = (item: PlainItem): Image =>
  eachAttribute(marshall(item, { removeUndefinedValues: true }) as Image);
