// Postgres as a target. The server is really killed and restarted. A proxy makes replies slow, hanging or malformed.

import { type PostgresEngine, startTcpProxy, type TcpProxyMode } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import type { ChaosItem } from "./history.ts";
import { rowOf } from "./message.ts";
import type { ChaosTarget, Fault } from "./target.ts";

const query = async <Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
};

const modes: Readonly<Record<Exclude<Fault, "stop" | "restart">, TcpProxyMode>> = {
  slow: "slow",
  hang: "hang",
  garble: "garble",
};

/** Opens a target that has its own table. */
export const postgresTarget = async (engine: PostgresEngine): Promise<ChaosTarget> => {
  const url = await engine.createDatabase();
  await query(url, "CREATE TABLE items (pk text PRIMARY KEY, revision int, note text)");
  // In the mode `slow`, a response takes longer than the pipeline's route timeout.
  const proxy = await startTcpProxy(url, { slowMs: 800 });
  // A short timeout, because a hanging connection attempt occupies one of the two connections of the pool.
  const connection = { connectionString: proxy.url, connectionTimeoutMillis: 500 };
  const sink = postgresSink({ connection, table: "items" });
  await sink.ensure();
  return {
    name: sink.name,
    addTo: (pipeline, wrap) => pipeline.to(wrap(sink), ({ after }) => rowOf(after as unknown as ChaosItem)),
    begin: async (fault) => {
      if (fault === "stop") await engine.kill();
      else if (fault === "restart") await engine.restart();
      else proxy.setMode(modes[fault], 1);
    },
    end: async (fault) => {
      if (fault === "stop") await engine.restart();
      proxy.setMode("pass");
    },
    read: async () => {
      const rows = await query<ChaosItem & pg.QueryResultRow>(url, "SELECT pk, revision, note FROM items");
      return { kind: "rows", rows: new Map(rows.map((row) => [row.pk, row])) };
    },
    close: async () => {
      await sink.close();
      await proxy.stop();
    },
  };
};
