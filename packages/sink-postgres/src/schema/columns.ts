// Option `columns` as an object: each column has a type, and the path of the attribute that fills the column.

import { invalidOption } from "@sluice/core/sink-kit";
import { codecOf } from "../write/codec.ts";
import type { EpochUnit } from "../write/epoch.ts";

/** A column's Postgres type, and the path of the attribute that fills the column. */
export interface ColumnSource {
  /**
   * The attribute's name, or names joined by dots: `"address.city"`, `"lines.0.sku"`. If a name contains a dot, use an
   * array of names. For the whole item in a `jsonb` column, use `[]`. Default: the column's name.
   */
  readonly path?: string | readonly string[];
  readonly type: string;
  /** For a date or time: the attribute is a number of seconds or milliseconds since 1970. */
  readonly epoch?: EpochUnit;
}

/** Columns by name. The value is the column's Postgres type, or an object with the type and the attribute's path. */
export interface ColumnMap {
  readonly [column: string]: string | ColumnSource;
}

/** A declared column. `path` has one name per level. */
export interface DeclaredColumn {
  readonly name: string;
  readonly type: string;
  readonly path: readonly string[];
  readonly epoch?: EpochUnit | undefined;
}

/** Matches types: names, modifiers and array brackets. Matches no character that could end the DDL statement. */
const typePattern = /^[A-Za-z_"][\w ".]*(\(\s*-?\d+(\s*,\s*-?\d+)?\s*\))?( with(out)? time zone)?(\[\])*$/;

/** Returns the names of a path. The text `[]` means the same as an empty array; a member of that name is `["[]"]`. */
export const segmentsOf = <Path>(path: string | Path): readonly string[] | Path => {
  if (path === "[]") return [];
  return typeof path === "string" ? path.split(".") : path;
};

const declare = (name: string, source: string | ColumnSource): DeclaredColumn => {
  const { type, path = [name], epoch, ...rest }: ColumnSource = typeof source === "string" ? { type: source } : source;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw invalidOption(
      "columns",
      `gives column "${name}" the unknown member "${unknown}"; expected type, path, epoch`,
    );
  }
  if (name === "") throw invalidOption("columns", "names a column with an empty name");
  if (typeof type !== "string" || !typePattern.test(type)) {
    throw invalidOption("columns", `must give column "${name}" a Postgres type such as "text"`);
  }
  const segments = segmentsOf(path);
  if (!Array.isArray(segments) || segments.some((segment) => segment === "" || typeof segment !== "string")) {
    throw invalidOption("columns", `gives column "${name}" a path with an empty segment`);
  }
  if (epoch !== undefined && epoch !== "seconds" && epoch !== "milliseconds") {
    throw invalidOption("columns", `gives column "${name}" another epoch than "seconds" or "milliseconds"`);
  }
  if (epoch !== undefined && codecOf(type) !== "time") {
    throw invalidOption("columns", `gives column "${name}" an epoch, which needs a date or time; it is ${type}`);
  }
  return { name, type, path: [...segments], epoch };
};

/** Returns the declared columns, in the order of their declaration. */
export const declareColumns = (columns: ColumnMap): DeclaredColumn[] =>
  Object.entries(columns).map(([name, source]) => declare(name, source));
