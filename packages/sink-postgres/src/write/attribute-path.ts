// Reads an attribute from an item's raw image by its path, as the text for a column. Numbers keep all their digits.

import type { AttributeValue, Image } from "@sluice/core/sink-kit";
import { attributeCell, type Cell, type Codec, ColumnValueError } from "./codec.ts";
import { type EpochUnit, epochText } from "./epoch.ts";

/** Matches the segments of a path that are positions in a list. */
export const listIndex: RegExp = /^(0|[1-9]\d*)$/;

const memberOf = (value: AttributeValue, segment: string): AttributeValue | undefined => {
  if ("M" in value) return Object.hasOwn(value.M, segment) ? value.M[segment] : undefined;
  return "L" in value && listIndex.test(segment) ? value.L[Number(segment)] : undefined;
};

/** Returns the value at a path that begins at a value. */
export const follow = (from: AttributeValue, path: readonly string[]): AttributeValue | undefined => {
  let value: AttributeValue | undefined = from;
  for (const segment of path) {
    if (value === undefined) return undefined;
    value = memberOf(value, segment);
  }
  return value;
};

const epochCell = (value: AttributeValue, epoch: EpochUnit): Cell => {
  if ("NULL" in value) return null;
  if (!("N" in value)) throw new ColumnValueError(`has no number; expected ${epoch} since 1970`);
  try {
    return epochText(value.N, epoch);
  } catch (cause) {
    throw new ColumnValueError(`a number that is no time in ${epoch} since 1970`, { cause });
  }
};

/** Creates the function that reads a column's text from an image. It returns null if the image lacks the attribute. */
export const compilePath = (
  path: readonly string[],
  codec: Codec,
  epoch?: EpochUnit | undefined,
): ((image: Image) => Cell) => {
  const [first, ...rest] = path;
  const read =
    first === undefined || rest.length > 0 || first in Object.prototype
      ? (image: Image) => follow({ M: image }, path)
      : (image: Image) => image[first];
  return (image) => {
    const value = read(image);
    if (value === undefined) return null;
    return epoch === undefined ? attributeCell(value, codec) : epochCell(value, epoch);
  };
};

/** Creates the function that reads a column's text from an element of a list, a set or a map. */
export const compileElementPath = (
  path: readonly string[],
  codec: Codec,
  epoch?: EpochUnit | undefined,
): ((element: AttributeValue) => Cell) => {
  return (element) => {
    const value = follow(element, path);
    if (value === undefined) return null;
    return epoch === undefined ? attributeCell(value, codec) : epochCell(value, epoch);
  };
};
