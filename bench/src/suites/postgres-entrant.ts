// The parts that all contenders of the Postgres suite share: the changes, the columns and the table.

import type { PlainItem } from "@sluice/testing";
import type pg from "pg";
import { filmColumns, keyColumn } from "../films.ts";
import { table } from "../markdown.ts";
import type { Contender, Times, Work } from "../rounds.ts";
import { spread } from "../statistics.ts";
import { truncate } from "./postgres-content.ts";

/** The loads, in the order in which they run on one table. `redelivered` repeats the updates. */
export const mixes = ["insert", "update", "redelivered"] as const;

/** One of `mixes`. */
export type Mix = (typeof mixes)[number];

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

/** Creates the contender of an entrant. Its tables are emptied before a round, and vacuumed and analyzed before a mix. */
export const contenderOf = (
  pool: pg.Pool,
  { name, relations, prepare }: Pick<Entrant, "name" | "relations" | "prepare">,
): Contender<Mix> => ({
  name,
  reset: () => truncate(pool, relations),
  begin: async () => {
    await pool.query(`VACUUM (ANALYZE) ${relations.join(", ")}`);
  },
  prepare,
});

/** Returns the table with the throughput of each contender for each mix. `records` is their number in a round. */
export const timeTable = (
  times: Times<Mix>,
  names: readonly string[],
  { records, unit }: { readonly records: number; readonly unit: string },
): string[] =>
  table(
    ["", ...mixes.flatMap((mix) => [`${mix}, ${unit}/s`, "rounds"])],
    names.map((name) => [
      name,
      ...mixes.flatMap((mix) => [Math.round((1000 * records) / times.median(name, mix)), spread(times.of(name, mix))]),
    ]),
  );

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
