// What the contenders of the Postgres suite have in common: the rows, and the table.

import type { PlainItem } from "@sluice/testing";
import { filmColumns, keyColumn } from "../films.ts";
import type { Work } from "../rounds.ts";

/** `redelivered`: the updates once more. */
export type Mix = "insert" | "update" | "redelivered";

/** The same changes for everybody, as events and as items. */
export interface Material {
  /** Events as JSON text, one for each batch. */
  readonly events: Readonly<Record<Mix, readonly string[]>>;
  /** The items of each batch after the change. */
  readonly films: Readonly<Record<Mix, readonly (readonly PlainItem[])[]>>;
}

export interface Entrant {
  readonly name: string;
  /** What users select from. */
  readonly view: string;
  /** Everything that it writes to. */
  readonly relations: readonly string[];
  /** Makes ready what Lambda, or nobody, would have made; returns the work from there to the last commit. */
  readonly prepare: (mix: Mix, batch: number) => Work;
}

/** DDL of a table with the columns and the primary key that the sink's own table has. */
export const createTable = (name: string): string => {
  const columns = Object.entries(filmColumns).map(([column, { type }]) => `${column} ${type}`);
  return `CREATE TABLE ${name} (${columns.join(", ")}, PRIMARY KEY (${keyColumn}))`;
};

/** The end of an upsert that replaces the row. */
export const replaceRow = (): string => {
  const others = Object.keys(filmColumns).filter((column) => column !== keyColumn);
  return `ON CONFLICT (${keyColumn}) DO UPDATE SET ${others.map((column) => `${column} = EXCLUDED.${column}`).join(", ")}`;
};
