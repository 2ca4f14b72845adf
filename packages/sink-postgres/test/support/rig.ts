// The conformance kit's rig. Each case has an empty database and its own role, behind a proxy that injects faults.

import { randomBytes } from "node:crypto";
import type { Change } from "@sluice/core";
import { type PostgresEngine, startTcpProxy } from "@sluice/local";
import type { Fault, SpecimenItem, UpsertRig } from "@sluice/testing";
import pg from "pg";
import { type PostgresGuard, type PostgresRow, type PostgresSinkOptions, postgresSink } from "../../src/index.ts";
import { type Database, newDatabase, openDatabase, watch } from "./deliveries.ts";

const password = "secret-9d2e";
const rows = { "version-table": "specimens", inline: "specimens_with_tombstones" } as const;

/** What a rig writes and reads. */
export interface RigVariant {
  readonly options?: Pick<PostgresSinkOptions, "key" | "children">;
  /** The DDL of the tables. `relation` is the one to which rows of items are written. */
  readonly tables: (relation: string) => string;
  readonly toRow: (item: SpecimenItem) => PostgresRow;
  /** Selects rows as JSON. Numbers that JSON.parse would round become text. */
  readonly selection: string;
}

const plainColumns = "pk text, sk text, revision int NOT NULL, note text, amount numeric, payload jsonb";

const exact = (column: string): string =>
  `CASE WHEN length(${column}::text) > 16 THEN to_jsonb(${column}::text) ELSE to_jsonb(${column}) END`;

/** Each item is one row. */
export const plain: RigVariant = {
  tables: (relation) => `CREATE TABLE ${relation} (${plainColumns}, PRIMARY KEY (pk, sk))`,
  toRow: ({ pk, sk, revision, note, amount, payload }) => ({
    pk,
    sk,
    revision,
    note: note ?? null,
    amount: amount ?? null,
    payload: payload ?? null,
  }),
  selection: `SELECT jsonb_build_object('pk', pk, 'sk', sk, 'revision', revision, 'note', note, 'amount', ${exact("amount")},
  'payload', payload)::text AS row FROM specimens`,
};

/** A key function that keeps items apart. The sink cannot know this, so it stores the owner of each row. */
export const withKeyFunction: RigVariant = {
  ...plain,
  options: { key: ({ pk, sk }) => ({ pk: String(pk), sk: String(sk) }) },
};

const order = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/** The payload's members are rows of one child table, in the order of their names, and the numbers are rows of another. */
export const withChildren: RigVariant = {
  options: {
    children: [
      { table: "members", of: "members", elementKey: ["name"], columns: ["name", "value"] },
      { table: "numbers", of: "numbers", key: { owner: "pk", part: "sk" }, position: "place", columns: ["number"] },
    ],
  },
  tables: (relation) => `CREATE TABLE ${relation} (pk text, sk text, note text, PRIMARY KEY (pk, sk));
    CREATE TABLE members (pk text, sk text, name text, value jsonb, PRIMARY KEY (pk, sk, name),
      FOREIGN KEY (pk, sk) REFERENCES ${relation} (pk, sk));
    CREATE TABLE numbers (owner text, part text, place int, number numeric, PRIMARY KEY (owner, part, place),
      FOREIGN KEY (owner, part) REFERENCES ${relation} (pk, sk))`,
  toRow: ({ pk, sk, revision, note, amount, payload = {} }) => ({
    pk,
    sk,
    note: note ?? null,
    members: Object.keys(payload)
      .sort(order)
      .map((name) => ({ name, value: payload[name] ?? null })),
    numbers: [revision, ...(amount === undefined ? [] : [amount])].map((number) => ({ number })),
  }),
  selection: `SELECT jsonb_build_object('pk', pk, 'sk', sk, 'note', note,
  'members', (SELECT COALESCE(jsonb_agg(jsonb_build_object('name', m.name, 'value', m.value) ORDER BY m.name COLLATE "C"), '[]')
    FROM members AS m WHERE (m.pk, m.sk) = (s.pk, s.sk)),
  'numbers', (SELECT COALESCE(jsonb_agg(jsonb_build_object('number', ${exact("n.number")}) ORDER BY n.place), '[]')
    FROM numbers AS n WHERE (n.owner, n.part) = (s.pk, s.sk)))::text AS row FROM specimens AS s`,
};

const parse = (text: string): unknown =>
  JSON.parse(text.replace(/(?<=[:[,] ?)-?\d[\d.]{16,}(?=[,}\]])/g, (digits) => JSON.stringify(digits)));

/** Databases of cases that have ended, by server. To create one takes the server much longer than to empty one. */
const free = new WeakMap<PostgresEngine, string[]>();

const emptyDatabase = (engine: PostgresEngine): Promise<Database> | Database => {
  const url = free.get(engine)?.pop();
  return url === undefined ? newDatabase(engine) : openDatabase(url);
};

const emptying = `SET lock_timeout = '1s'; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
  GRANT USAGE ON SCHEMA public TO PUBLIC`;

/** Empties the database for another case, unless a session that has lost its client still locks a table. */
const giveBack = async (engine: PostgresEngine, database: Database): Promise<void> => {
  const isEmpty = await database.sql(emptying).then(
    () => true,
    () => false,
  );
  await database.close();
  if (isEmpty) free.set(engine, [...(free.get(engine) ?? []), database.url]);
};

/** Opens a rig with this guard on a running server. */
export const openRig = async (
  engine: PostgresEngine,
  guard: PostgresGuard,
  { options, tables, toRow, selection }: RigVariant,
): Promise<UpsertRig<PostgresRow>> => {
  const database = await emptyDatabase(engine);
  const role = `r${randomBytes(8).toString("hex")}`;
  const relation = rows[guard];
  const definitions = guard === "inline" ? tables(relation).replace("NOT NULL", "") : tables(relation);
  await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  await database.sql(definitions);
  await postgresSink({ pool: database.pool, table: "specimens", guard, ...options }).ensure();
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
    sink: postgresSink({ pool: watched, table: "specimens", guard, ...options }),
    toMessage: (change) => toRow(change.after),
    read: async () => (await database.sql(selection)).map(({ row }) => parse(String(row))),
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
      await giveBack(engine, database);
    },
    secrets: [password],
  };
};
