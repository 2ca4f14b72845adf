// The raw limit: unguarded statements with prepared arrays, without decoding and without a response. One contender sends
// one statement for each batch; the other sends two halves at once on two connections.

import type { PlainItem } from "@sluice/testing";
import type pg from "pg";
import { batched, filmColumns } from "../films.ts";
import { createTable, type Entrant, type Material, replaceRow } from "./postgres-entrant.ts";

export const unnestUpsert = (table: string): string => {
  const columns = Object.keys(filmColumns);
  const parameters = Object.values(filmColumns).map(({ type }, index) => `$${index + 1}::${type}[]`);
  return `INSERT INTO ${table} (${columns.join(", ")}) SELECT * FROM unnest(${parameters.join(", ")}) ${replaceRow()}`;
};

export const arraysOf = (films: readonly PlainItem[]): unknown[][] =>
  Object.values(filmColumns).map(({ path: [attribute] }) => films.map((film) => film[attribute] ?? null));

/** How a raw contender writes a batch. */
interface RawOptions {
  readonly name?: string;
  /** Number of statements that share a batch. They run at once, each on a connection of its own. */
  readonly connections?: number;
}

export const rawUpsert = async (
  pool: pg.Pool,
  { films }: Material,
  { name = "raw", connections = 1 }: RawOptions = {},
): Promise<Entrant> => {
  const table = `films_${name.replaceAll("-", "_")}`;
  await pool.query(createTable(table));
  const text = unnestUpsert(table);
  return {
    name,
    view: table,
    relations: [table],
    prepare: (mix, batch) => {
      const rows = films[mix][batch] ?? [];
      const parts = batched(rows, Math.ceil(rows.length / connections)).map(arraysOf);
      return async () => {
        await Promise.all(parts.map((arrays) => pool.query(text, arrays)));
      };
    },
  };
};
