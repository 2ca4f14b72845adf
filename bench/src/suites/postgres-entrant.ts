// The parts that all contenders of the Postgres suite share: the changes, the columns and the table.

import type { PlainItem } from "@sluice/testing";
import { filmColumns, keyColumn } from "../films.ts";
import type { Work } from "../rounds.ts";

/** `redelivered` repeats the updates. */
export type Mix = "insert" | "update" | "redelivered";

/** The changes that all contenders write, as events and as items. */
export interface Material {
  /** Events as JSON text, one for each batch. */
  readonly events: Readonly<Record<Mix, readonly string[]>>;
  /** The items after the changes, in batches. */
  readonly films: Readonly<Record<Mix, readonly (readonly PlainItem[])[]>>;
}

/** A contender and its tables. */
export interface Entrant {
  readonly name: string;
  /** The table or view that users read. */
  readonly view: string;
  /** All tables that the contender writes to. */
  readonly relations: readonly string[];
  /** Prepares the input of a batch. Returns the timed work, which ends with the last commit. */
  readonly prepare: (mix: Mix, batch: number) => Work;
}

/** Returns the DDL of a table with the columns and the primary key of the sink's table. */
export const createTable = (name: string): string => {
  const columns = Object.entries(filmColumns).map(([column, { type }]) => `${column} ${type}`);
  return `CREATE TABLE ${name} (${columns.join(", ")}, PRIMARY KEY (${keyColumn}))`;
};

/** Returns the last clause of an upsert statement. The clause replaces every column of an existing row. */
export const replaceRow = (): string => {
  const others = Object.keys(filmColumns).filter((column) => column !== keyColumn);
  return `ON CONFLICT (${keyColumn}) DO UPDATE SET ${others.map((column) => `${column} = EXCLUDED.${column}`).join(", ")}`;
};
