// The conformance kit's rig. Each case has its own database and role, behind a proxy that injects faults.

import type { Change } from "@sluice/core";
import { type PostgresEngine, startTcpProxy } from "@sluice/local";
import type { Fault, SpecimenItem, UpsertRig } from "@sluice/testing";
import pg from "pg";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../../src/index.ts";
import { newDatabase, watch } from "./deliveries.ts";

const password = "secret-9d2e";
const columns =
  "pk text, sk text, revision int NOT NULL, note text, amount numeric, payload jsonb, PRIMARY KEY (pk, sk)";
const rows = { "version-table": "specimens", inline: "specimens_with_tombstones" } as const;

const toRow = ({ pk, sk, revision, note, amount, payload }: SpecimenItem): PostgresRow => ({
  pk,
  sk,
  revision,
  note: note ?? null,
  amount: amount ?? null,
  payload: payload ?? null,
});

/** Selects rows as JSON. Numbers that JSON.parse would round become text. */
const exactJson = `SELECT jsonb_build_object('pk', pk, 'sk', sk, 'revision', revision, 'note', note,
  'amount', CASE WHEN length(amount::text) > 16 THEN to_jsonb(amount::text) ELSE to_jsonb(amount) END,
  'payload', payload)::text AS row FROM specimens`;

const parse = (text: string): unknown =>
  JSON.parse(text.replace(/(?<=[:[,] ?)-?\d[\d.]{16,}(?=[,}\]])/g, (digits) => JSON.stringify(digits)));

/** A key function that keeps items apart. The sink cannot know this, so it stores the owner of each row. */
export const keyFunction = ({ pk, sk }: Change["keys"]) => ({ pk: String(pk), sk: String(sk) });

/** Opens a rig with this guard, and this key function, on a running server. */
export const openRig = async (
  engine: PostgresEngine,
  guard: PostgresGuard,
  key?: typeof keyFunction,
): Promise<UpsertRig<PostgresRow>> => {
  const database = await newDatabase(engine);
  const role = `r${new URL(database.url).pathname.slice(1).replaceAll(/\W/g, "")}`.slice(0, 60);
  const relation = rows[guard];
  const definition = guard === "inline" ? columns.replace("NOT NULL", "") : columns;
  await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  await database.sql(`CREATE TABLE ${relation} (${definition})`);
  await postgresSink({ pool: database.pool, table: "specimens", guard, ...(key && { key }) }).ensure();
  const grant = `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`;
  await database.sql(grant);
  const proxy = await startTcpProxy(database.url);
  const url = new URL(proxy.url);
  url.username = role;
  url.password = password;
  const pool = new pg.Pool({ connectionString: url.href, max: 4 });
  pool.on("error", () => undefined);
  const watched = watch(pool);

  const refuse = ({ keys }: Change): Promise<unknown> =>
    database.sql(`ALTER TABLE ${relation} ADD CONSTRAINT refused CHECK (pk <> '${String(keys.pk)}') NOT VALID`);
  const faults: Record<Fault["kind"], (fault: Fault) => unknown> = {
    throttle: async () => {
      await database.sql(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
      proxy.cut();
    },
    "throttle-one": () => undefined,
    refuse: (fault) => ("change" in fault ? refuse(fault.change) : undefined),
    down: () => proxy.setMode("refuse"),
    deny: () => database.sql(`REVOKE INSERT ON ${relation} FROM ${role}`),
    "drop-after-send": () => proxy.setMode("drop-answer"),
    hang: async () => {
      // Opens a connection before the fault, so that the sink's next statement hangs, and not the handshake.
      await pool.query("SELECT 1");
      proxy.setMode("hang");
    },
    "close-idle": () => proxy.cut(),
  };
  return {
    sink: postgresSink({ pool: watched, table: "specimens", guard, ...(key && { key }) }),
    toMessage: (change) => toRow(change.after),
    read: async () => (await database.sql(exactJson)).map(({ row }) => parse(String(row))),
    requests: () => watched.queries.length,
    fail: async (fault) => {
      await faults[fault.kind](fault);
    },
    endFault: async () => {
      proxy.setMode("pass");
      await database.sql(`ALTER TABLE ${relation} DROP CONSTRAINT IF EXISTS refused`);
      await database.sql(`ALTER ROLE ${role} CONNECTION LIMIT -1`);
      await database.sql(grant);
      proxy.cut();
    },
    close: async () => {
      await pool.end();
      await proxy.stop();
      await database.close();
    },
    secrets: [password],
  };
};
