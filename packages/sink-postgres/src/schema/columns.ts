// Columns declared by attribute path, compiled once: from the raw image to a column's text, without JS numbers.

import { type AttributeValue, ConfigError, type Image } from "@sluice/core/sink-kit";
import { attributeCell, type Cell, type Codec } from "../write/codec.ts";

/** Where a column's value is in the item, and the column's Postgres type. */
export interface ColumnSource {
  /**
   * The attribute's name, or names joined by dots: `"address.city"`, `"lines.0.sku"`. As an array where a name holds
   * a dot. `[]`: the whole item, for a `jsonb` column. Default: the attribute of the column's own name.
   */
  readonly path?: string | readonly string[];
  readonly type: string;
}

/** Column name to Postgres type, or to type and attribute path. */
export interface ColumnMap {
  readonly [column: string]: string | ColumnSource;
}

/** A declared column after its path was read. */
export interface DeclaredColumn {
  readonly name: string;
  readonly type: string;
  readonly path: readonly string[];
}

/** What may stand in DDL as a type: names, modifiers, arrays; nothing that ends a statement. */
const typePattern = /^[A-Za-z_"][\w ".]*(\(\s*-?\d+(\s*,\s*-?\d+)?\s*\))?( with(out)? time zone)?(\[\])*$/;

const declare = (name: string, source: string | ColumnSource): DeclaredColumn => {
  const { type, path = [name] } = typeof source === "string" ? { type: source } : source;
  if (name === "") throw new ConfigError("CONFIG_INVALID", 'option "columns" names a column with an empty name');
  if (typeof type !== "string" || !typePattern.test(type)) {
    throw new ConfigError("CONFIG_INVALID", `option "columns": column "${name}" needs a Postgres type such as "text"`);
  }
  const segments = typeof path === "string" ? path.split(".") : path;
  if (!Array.isArray(segments) || segments.some((segment) => segment === "" || typeof segment !== "string")) {
    throw new ConfigError("CONFIG_INVALID", `option "columns": column "${name}" has a path with an empty segment`);
  }
  return { name, type, path: [...segments] };
};

/** The declared columns, in the order in which they were declared. */
export const declareColumns = (columns: ColumnMap): DeclaredColumn[] =>
  Object.entries(columns).map(([name, source]) => declare(name, source));

const listIndex = /^(0|[1-9]\d*)$/;

const step = (value: AttributeValue, segment: string): AttributeValue | undefined => {
  if ("M" in value) return Object.hasOwn(value.M, segment) ? value.M[segment] : undefined;
  return "L" in value && listIndex.test(segment) ? value.L[Number(segment)] : undefined;
};

const descend = (image: Image, path: readonly string[]): AttributeValue | undefined => {
  let value: AttributeValue | undefined = { M: image };
  for (const segment of path) {
    if (value === undefined) return undefined;
    value = step(value, segment);
  }
  return value;
};

/** Reads a column's text from an image; null where the item has no such attribute. */
export const compilePath = (path: readonly string[], codec: Codec): ((image: Image) => Cell) => {
  const [first, ...rest] = path;
  const read =
    first === undefined || rest.length > 0 || first in Object.prototype
      ? (image: Image) => descend(image, path)
      : (image: Image) => image[first];
  return (image) => {
    const value = read(image);
    return value === undefined ? null : attributeCell(value, codec);
  };
};
