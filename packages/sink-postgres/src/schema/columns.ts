// Columns that the user declares: each with its type, and with the path of the attribute that fills it.

import { invalidOption } from "@sluice/core/sink-kit";

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

/** A declared column, with its path in segments. */
export interface DeclaredColumn {
  readonly name: string;
  readonly type: string;
  readonly path: readonly string[];
}

/** What may stand in DDL as a type: names, modifiers and array brackets, but nothing that ends a statement. */
const typePattern = /^[A-Za-z_"][\w ".]*(\(\s*-?\d+(\s*,\s*-?\d+)?\s*\))?( with(out)? time zone)?(\[\])*$/;

const declare = (name: string, source: string | ColumnSource): DeclaredColumn => {
  const { type, path = [name] } = typeof source === "string" ? { type: source } : source;
  if (name === "") throw invalidOption("columns", "names a column with an empty name");
  if (typeof type !== "string" || !typePattern.test(type)) {
    throw invalidOption("columns", `must give column "${name}" a Postgres type such as "text"`);
  }
  const segments = typeof path === "string" ? path.split(".") : path;
  if (!Array.isArray(segments) || segments.some((segment) => segment === "" || typeof segment !== "string")) {
    throw invalidOption("columns", `gives column "${name}" a path with an empty segment`);
  }
  return { name, type, path: [...segments] };
};

/** Reads the declared columns, in the order of their declaration. */
export const declareColumns = (columns: ColumnMap): DeclaredColumn[] =>
  Object.entries(columns).map(([name, source]) => declare(name, source));
