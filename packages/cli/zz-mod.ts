import { pipeline } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on("error", () => undefined);
const silent = { info: () => undefined, warn: () => undefined };
export const nums = pipeline<any>("nums", { onReject: "block", logger: silent })
  .to({ ...postgresSink({ pool, table: "nums" }), close: () => pool.end() }, ({ after }) => ({ total: Number(after.total) }));
