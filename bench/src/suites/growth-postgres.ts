// The part of the suite growth with tables in Postgres. The tables are filled by SQL from a thousand rows.

import { pipeline } from "@sluice/core";
import { startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import { filmColumns, filmsUpTo, keyAttribute, keyColumn } from "../films.ts";
import { silent, takeAll } from "../pipeline-handler.ts";
import type { SuiteReport } from "../suite.ts";
import { compareSizes, eventOf, type GrowthEntrant, type GrowthPlan, keyAt } from "./growth-load.ts";
import { serverSettings } from "./postgres-content.ts";
import { createTable } from "./postgres-entrant.ts";
import { arraysOf, unnestUpsert } from "./postgres-raw.ts";
import { relationsOf } from "./postgres-sluice.ts";

const guards = ["inline", "version-table"] as const satisfies readonly PostgresGuard[];
const seeds = 1_000;

const seedFilms = async (items: number) =>
  (await filmsUpTo(Math.min(seeds, items))).map((film, index) => ({ ...film, [keyAttribute]: keyAt(index) }));

/** Copies the rows of each relation under new keys, until it has so many rows. */
const fill = async (pool: pg.Pool, relations: readonly string[], items: number): Promise<void> => {
  const copies = Math.floor(items / seeds) - 1;
  for (const relation of relations) {
    const { rows } = await pool.query<{ name: string }>(
      "SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
      [relation],
    );
    const names = rows.map(({ name }) => name);
    const values = names.map((name) => (name === keyColumn ? `${name} + copy * ${2 * seeds}` : name));
    await pool.query(
      `INSERT INTO ${relation} (${names.join(", ")}) SELECT ${values.join(", ")} FROM ${relation}, generate_series(1, ${copies}) copy`,
    );
    await pool.query(`VACUUM (ANALYZE) ${relation}`);
  }
};

const cleaned =
  (pool: pg.Pool, relations: readonly string[]) =>
  async (inserted: readonly number[]): Promise<void> => {
    for (const relation of relations) {
      await pool.query(`DELETE FROM ${relation} WHERE ${keyColumn} = ANY($1::bigint[])`, [inserted]);
      await pool.query(`VACUUM (ANALYZE) ${relation}`);
    }
  };

const sluice = async (pool: pg.Pool, guard: PostgresGuard, items: number): Promise<GrowthEntrant> => {
  const table = `growth_${guard.replace("-", "_")}_${items}`;
  const sink = postgresSink({ pool, table, guard, key: { [keyColumn]: keyAttribute }, columns: filmColumns });
  await sink.ensure();
  const handler = pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();
  await takeAll(guard, handler, eventOf(await seedFilms(items), 1, false));
  const relations = relationsOf(guard, table);
  await fill(pool, relations, items);
  return {
    name: guard,
    items,
    clean: cleaned(pool, relations),
    prepare:
      ({ event }) =>
      () =>
        takeAll(guard, handler, event),
  };
};

const raw = async (pool: pg.Pool, items: number): Promise<GrowthEntrant> => {
  const table = `growth_raw_${items}`;
  await pool.query(createTable(table));
  const text = unnestUpsert(table);
  await pool.query(text, arraysOf(await seedFilms(items)));
  await fill(pool, [table], items);
  return {
    name: "raw",
    items,
    clean: cleaned(pool, [table]),
    prepare: ({ films }) => {
      const arrays = arraysOf(films);
      return async () => {
        await pool.query(text, arrays);
      };
    },
  };
};

/** Compares the writes to tables of two sizes. */
export const postgresGrowth = async (plan: GrowthPlan): Promise<SuiteReport> => {
  const engine = await startPostgres({ settings: { ...serverSettings, shared_buffers: "2GB" } });
  const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: 10 });
  // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
  pool.on("error", () => undefined);
  try {
    const entrants: GrowthEntrant[] = [];
    for (const items of [plan.few, plan.many]) {
      for (const guard of guards) entrants.push(await sluice(pool, guard, items));
      entrants.push(await raw(pool, items));
    }
    await pool.query("CHECKPOINT");
    return await compareSizes("postgres", entrants, plan);
  } finally {
    await pool.end();
    await engine.stop();
  }
};
