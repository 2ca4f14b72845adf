// Tables in Postgres as targets of the verification suite.

import { type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import type { Copy, OpenReplica } from "./replica.ts";

const columns = { pk: "text", total: "numeric", label: "text", kind: "text" };

/** Opens tables in one database. */
export const postgresReplicas =
  (url: string, guard: PostgresGuard): OpenReplica =>
  async (name) => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    pool.on("error", () => undefined);
    const table = `orders_${name}`;
    const key = ["pk"];
    await postgresSink({ pool, table, guard, key, columns }).ensure();
    return {
      sink: postgresSink({ pool, table, guard, key, columns: Object.keys(columns) }) as never,
      messageOf: (_, copy) => copy,
      forget: async (pk) => {
        await pool.query(`DELETE FROM ${table} WHERE pk = $1`, [pk]);
        if (guard === "version-table") await pool.query(`DELETE FROM ${table}_sluice WHERE pk = $1`, [pk]);
      },
      rows: async () => {
        const { rows } = await pool.query<Record<string, string | null>>(
          `SELECT pk, total::float8 AS total, label, kind FROM ${table}`,
        );
        return new Map(
          rows.map(({ pk, ...row }) => [
            pk ?? "",
            Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Copy,
          ]),
        );
      },
      close: () => pool.end(),
    };
  };
