// The Postgres table to which the films sink writes.

import type { PostgresEngine } from "@sluice/local";
import pg from "pg";
import { columns, type FilmRow } from "../comparison.ts";
import type { Replica } from "./replica.ts";

/** A constraint of the Postgres table. Some films of the data violate the constraint. */
interface Constraint {
  readonly name: string;
  readonly check: string;
}

/** Rejects films that are longer than ten hours. The demo writes one such film. */
export const plausibleRunningTime: Constraint = { name: "plausible_running_time", check: "running_time_min <= 600" };

/** Rejects films with the rating NC-17. The data contains eight such films. */
export const noAdultRating: Constraint = { name: "no_adult_rating", check: "mpaa_rating <> 'NC-17'" };

/** Opens the replica in its own database, whose table may have a constraint. Sets the environment variables from which the sink is configured. */
export const postgresReplica = async (engine: PostgresEngine, constraint: Constraint | undefined): Promise<Replica> => {
  const url = await engine.createDatabase(`sluice_demo_${Date.now()}`);
  process.env.DATABASE_URL = url;
  const { filmsSink } = await import("../films/films.ts");
  await filmsSink.ensure();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // When the server ends, idle connections emit an error event. Without a listener the event would end this process.
  pool.on("error", () => undefined);
  if (constraint) await pool.query(`ALTER TABLE films ADD CONSTRAINT ${constraint.name} CHECK (${constraint.check})`);
  return {
    name: filmsSink.name,
    addTo: (pipeline) => pipeline.to(filmsSink),
    read: async () => {
      const list = Object.keys(columns).map((column) => `${column}::text`);
      const { rows } = await pool.query<FilmRow>(`SELECT ${list.join(", ")} FROM films`);
      return new Map(rows.map((row) => [row.film_id ?? "", row]));
    },
    ...(constraint && {
      repair: async () => {
        const statement = `ALTER TABLE films DROP CONSTRAINT ${constraint.name}`;
        await pool.query(statement);
        return statement;
      },
    }),
    query: `psql ${url} -c "SELECT title, imdb_votes FROM films ORDER BY imdb_votes DESC NULLS LAST LIMIT 5"`,
    close: async () => {
      await filmsSink.close();
      await pool.end();
    },
  };
};
