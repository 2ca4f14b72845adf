// The Postgres table that the sink of examples/replicate-to-postgres writes.

import type { PostgresEngine } from "@sluice/local";
import pg from "pg";
import { columns, type Row } from "../comparison.ts";
import type { Replica } from "./replica.ts";

/** What somebody thought, and what the database therefore refuses. */
interface Rule {
  readonly name: string;
  readonly check: string;
}

/** No film runs longer than ten hours. */
export const plausible: Rule = { name: "plausible_running_time", check: "running_time_min <= 600" };

/** No film is only for adults: eight are. */
export const forFamilies: Rule = { name: "for_families", check: "mpaa_rating <> 'NC-17'" };

/** Opens the replica in a database of its own. The example's sink is configured by its environment alone. */
export const postgresReplica = async (engine: PostgresEngine, rule: Rule): Promise<Replica> => {
  const url = await engine.createDatabase(`sluice_demo_${Date.now()}`);
  process.env.DATABASE_URL = url;
  const { filmsSink } = await import("@sluice/example-replicate-to-postgres/films");
  await filmsSink.ensure();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // The server may end while the connection is idle, and the event would end the process.
  pool.on("error", () => undefined);
  await pool.query(`ALTER TABLE films ADD CONSTRAINT ${rule.name} CHECK (${rule.check})`);
  return {
    name: filmsSink.name,
    addTo: (pipeline) => pipeline.to(filmsSink),
    read: async () => {
      const list = Object.keys(columns).map((column) => `${column}::text`);
      const { rows } = await pool.query<Row>(`SELECT ${list.join(", ")} FROM films`);
      return new Map(rows.map((row) => [row.film_id ?? "", row]));
    },
    repair: async () => {
      const statement = `ALTER TABLE films DROP CONSTRAINT ${rule.name}`;
      await pool.query(statement);
      return statement;
    },
    look: `psql ${url} -c "SELECT title, imdb_votes FROM films ORDER BY imdb_votes DESC NULLS LAST LIMIT 5"`,
    close: async () => {
      await filmsSink.close();
      await pool.end();
    },
  };
};
