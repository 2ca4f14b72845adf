// Reads an attribute from an item's raw image by its path, as the text for a column. Numbers keep all their digits.

import type { AttributeValue, Image } from "@sluice/core/sink-kit";
import { attributeCell, type Cell, type Codec } from "./codec.ts";

const listIndex = /^(0|[1-9]\d*)$/;

const memberOf = (value: AttributeValue, segment: string): AttributeValue | undefined => {
  if ("M" in value) return Object.hasOwn(value.M, segment) ? value.M[segment] : undefined;
  return "L" in value && listIndex.test(segment) ? value.L[Number(segment)] : undefined;
};

const follow = (image: Image, path: readonly string[]): AttributeValue | undefined => {
  let value: AttributeValue | undefined = { M: image };
  for (const segment of path) {
    if (value === undefined) return undefined;
    value = memberOf(value, segment);
  }
  return value;
};

/** Creates the function that reads a column's text from an image. It returns null if the image lacks the attribute. */
export const compilePath = (path: readonly string[], codec: Codec): ((image: Image) => Cell) => {
  const [first, ...rest] = path;
  const read =
    first === undefined || rest.length > 0 || first in Object.prototype
      ? (image: Image) => follow(image, path)
      : (image: Image) => image[first];
  return (image) => {
    const value = read(image);
    return value === undefined ? null : attributeCell(value, codec);
  };
};
