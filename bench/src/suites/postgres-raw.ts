// The raw limit: one unguarded statement with prepared arrays for each batch, without decoding and without a response.

import type { PlainItem } from "@sluice/testing";
import type pg from "pg";
import { filmColumns } from "../films.ts";
import { createTable, type Entrant, type Material, replaceRow } from "./postgres-entrant.ts";

const table = "films_raw";

export const unnestUpsert = (table: string): string => {
  const columns = Object.keys(filmColumns);
  const parameters = Object.values(filmColumns).map(({ type }, index) => `$${index + 1}::${type}[]`);
  return `INSERT INTO ${table} (${columns.join(", ")}) SELECT * FROM unnest(${parameters.join(", ")}) ${replaceRow()}`;
};

export const arraysOf = (films: readonly PlainItem[]): unknown[][] =>
  Object.values(filmColumns).map(({ path: [attribute] }) => films.map((film) => film[attribute] ?? null));

export const rawUpsert = async (pool: pg.Pool, { films }: Material): Promise<Entrant> => {
  await pool.query(createTable(table));
  const text = unnestUpsert(table);
  return {
    name: "raw",
    view: table,
    relations: [table],
    prepare: (mix, batch) => {
      const arrays = arraysOf(films[mix][batch] ?? []);
      return async () => {
        await pool.query(text, arrays);
      };
    },
  };
};
