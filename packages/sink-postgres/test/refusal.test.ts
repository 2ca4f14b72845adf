// Tests whose fault a refusal is: one row's, or the target's. Every refusal comes from a real server.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  messagesOf,
  newDatabase,
  openDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  type WatchedPool,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const secret = "confidential-4711";
const bad = "bad";

const row = (id: string, values: PostgresRow, position = 1): UpsertDelivery<PostgresRow> =>
  upsertOf(changeOf({ id }, position, {}), values);

const relations = { "version-table": "items", inline: "items_with_tombstones" } as const;

/** A table with the columns `id` and `note`, and a sink whose queries are watched. */
const open = async (
  engine: Parameters<typeof newDatabase>[0],
  guard: PostgresGuard,
  column = "note text",
  through: (database: Database) => Promise<Database> = async (database) => database,
) => {
  const database = await newDatabase(engine);
  const relation = relations[guard];
  await database.sql(`CREATE TABLE ${relation} (id text PRIMARY KEY, ${column})`);
  await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
  const used = await through(database);
  const watched = watch(used.pool);
  const sink = () => postgresSink({ pool: watched, table: "items", guard });
  const ids = async () => (await database.sql("SELECT id FROM items ORDER BY id")).map(({ id }) => id);
  const close = async (): Promise<void> => {
    if (used !== database) await used.close();
    await database.close();
  };
  return { database, relation, watched, sink, ids, close };
};

/** Makes a trigger raise the SQLSTATE for rows whose note starts with "bad", or for every row. */
const raise = async ({ sql }: Database, relation: string, state: string, when = `NEW.note LIKE '${bad}%'`) => {
  await sql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF ${when} THEN RAISE EXCEPTION 'refused %', NEW.note USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$`);
  await sql(`CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON ${relation} FOR EACH ROW EXECUTE FUNCTION refuse()`);
};

/** Opens the database as a role that owns nothing. */
const asRole =
  (grant: (database: Database, role: string) => Promise<unknown>) =>
  async (database: Database): Promise<Database> => {
    const role = `r${new URL(database.url).pathname.slice(1)}`.slice(0, 60);
    await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    await database.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`);
    await grant(database, role);
    const url = new URL(database.url);
    url.username = role;
    url.password = "secret";
    return openDatabase(url.href);
  };

/** One state of each class, and the states that core retries. */
const states =
  "01000 02000 03000 08006 09000 0A000 0B000 0F000 0L000 0P000 0Z000 20000 21000 22023 23514 24000 25006 26000 27000 28000 2B000 2D000 2F000 34000 38000 39000 3B000 3D000 3F000 40001 40P01 42501 42P01 44000 53100 53300 54000 55000 55006 55P03 57014 57P01 58030 72000 F0000 HV000 P0001 XX000".split(
    " ",
  );
const conflicts = new Set(["40001", "40P01", "55006", "55P03"]);

describeWithPostgres("a row that Postgres refuses alone", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    test("is at fault itself, whatever the SQLSTATE of the trigger, and its neighbours are written", async () => {
      const { database, relation, sink, ids, close } = await open(engine, guard);
      for (const [round, state] of states.entries()) {
        await raise(database, relation, state);
        const expected = conflicts.has(state) ? "SINK_CONFLICT" : "SINK_REJECTED";
        const at = round + 1;
        for (const place of [0, 1, 2]) {
          const batch = [0, 1, 2].map((index) =>
            row(`${state}-${place}-${index}`, { note: index === place ? `${bad} ${secret}` : "good" }, at),
          );
          const results = await sink().write(batch, invocation());
          expect([state, ...outcomesOf(batch, results)]).toEqual([
            state,
            ...[0, 1, 2].map((index) => (index === place ? expected : "delivered")),
          ]);
          expect(messagesOf(results).join()).toContain(state);
          expect(messagesOf(results).join()).not.toContain(secret);
        }
      }
      expect(await ids()).toHaveLength(states.length * 6);
      await close();
    });

    test("is at fault itself if a policy refuses the row", async () => {
      const { database, relation, sink, ids, close } = await open(
        engine,
        guard,
        "note text",
        asRole(async ({ sql }) => {
          await sql(`ALTER TABLE ${relations[guard]} ENABLE ROW LEVEL SECURITY`);
          await sql(`CREATE POLICY readers ON ${relations[guard]} FOR SELECT USING (true)`);
          await sql(
            `CREATE POLICY changes ON ${relations[guard]} FOR UPDATE USING (true) WITH CHECK (note <> '${bad}')`,
          );
          await sql(`CREATE POLICY writers ON ${relations[guard]} FOR INSERT WITH CHECK (note <> '${bad}')`);
        }),
      );
      const batch = [row("1", { note: "x" }), row("2", { note: bad }), row("3", { note: "y" })];
      const results = await sink().write(batch, invocation());
      expect(outcomesOf(batch, results)).toEqual(["delivered", "SINK_REJECTED", "delivered"]);
      expect(messagesOf(results)[0]).toContain("42501");
      expect(await ids()).toEqual(["1", "3"]);
      // The policy now refuses every row: this is the target's fault.
      await database.sql(`ALTER POLICY writers ON ${relation} WITH CHECK (false)`);
      const more = Array.from({ length: 40 }, (_, index) => row(`more-${index}`, { note: "x" }));
      await expect(sink().write(more, invocation())).rejects.toMatchObject({ code: "SINK_DENIED" });
      await close();
    });

    for (const [type, value] of [
      ["tsvector", `'${secret}`],
      ["jsonpath", `$.${secret}[`],
      ["tsquery", `${secret} & &`],
      ["int4range", `${secret}`],
      ["xid8", secret],
      ["regclass", secret],
    ] as const) {
      test(`is at fault itself if its value is not a ${type}, also if the row is alone`, async () => {
        const { sink, ids, close } = await open(engine, guard, `note ${type}`);
        const batch = [row("1", { note: null }), row("2", { note: value }), row("3", { note: null })];
        const results = await sink().write(batch, invocation());
        expect(outcomesOf(batch, results)).toEqual(["delivered", "SINK_REJECTED", "delivered"]);
        const alone = [row("4", { note: value })];
        const again = await sink().write(alone, invocation());
        expect(outcomesOf(alone, again)).toEqual(["SINK_REJECTED"]);
        for (const message of messagesOf([...results, ...again])) expect(message).not.toContain(secret);
        expect(await ids()).toEqual(["1", "3"]);
        await close();
      });
    }

    test("is retried alone if it runs into the statement_timeout", async () => {
      const { database, relation, sink, ids, close } = await open(engine, guard, "note text", async (found) => {
        await found.sql(`ALTER DATABASE ${new URL(found.url).pathname.slice(1)} SET statement_timeout = '4s'`);
        return openDatabase(found.url);
      });
      await database.sql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.note = '${bad}' THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$`);
      await database.sql(`CREATE TRIGGER slow BEFORE INSERT ON ${relation} FOR EACH ROW EXECUTE FUNCTION slow()`);
      const batch = [row("1", { note: "x" }), row("2", { note: bad }), row("3", { note: "y" })];
      const outcomes = outcomesOf(batch, await sink().write(batch, invocation()));
      expect(outcomes).toEqual(["delivered", "SINK_TIMEOUT", "delivered"]);
      expect(await ids()).toEqual(["1", "3"]);
      await close();
    });

    test.each([
      ["lock_timeout", "SINK_CONFLICT"],
      ["statement_timeout", "SINK_TIMEOUT"],
    ])("is retried alone if another session locks it for longer than the %s", async (setting, code) => {
      const {
        database,
        sink: create,
        ids,
        close,
      } = await open(engine, guard, "note text", async (found) => {
        await found.sql(`ALTER DATABASE ${new URL(found.url).pathname.slice(1)} SET ${setting} = '4s'`);
        return openDatabase(found.url);
      });
      const sink = create();
      await sink.write([row("2", { note: "old" })], invocation());
      const other = await database.pool.connect();
      await other.query("BEGIN");
      const versions = guard === "inline" ? "items_with_tombstones" : "items_sluice";
      await other.query(`SELECT 1 FROM ${versions} WHERE id = '2' FOR UPDATE`);
      const batch = [row("1", { note: "x" }), row("2", { note: "new" }, 2), row("3", { note: "y" })];
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered", code, "delivered"]);
      await other.query("COMMIT");
      other.release();
      const again = batch.slice(1, 2);
      expect(outcomesOf(again, await sink.write(again, invocation()))).toEqual(["delivered"]);
      expect(await ids()).toEqual(["1", "2", "3"]);
      await close();
    });

    test("leaves its connection in the pool after XX000", async () => {
      const { database, relation, sink, close } = await open(engine, guard);
      await raise(database, relation, "XX000");
      const pids = async () =>
        database.sql(`SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend' ORDER BY pid`);
      const before = await pids();
      const batch = [row("1", { note: "x" }), row("2", { note: bad })];
      expect(outcomesOf(batch, await sink().write(batch, invocation()))).toEqual(["delivered", "SINK_REJECTED"]);
      expect(await pids()).toEqual(before);
      await close();
    });

    test("is found among 1,000 rows in 26 statements, also if its SQLSTATE is that of a missing permission", async () => {
      const { database, relation, watched, sink, close } = await open(engine, guard);
      await raise(database, relation, "42501");
      const batch = Array.from({ length: 1_000 }, (_, index) =>
        row(`item-${index}`, { note: index === 617 ? bad : "good" }, index + 1),
      );
      const outcomes = outcomesOf(batch, await sink().write(batch, invocation()));
      expect(outcomes.filter((outcome) => outcome === "delivered")).toHaveLength(999);
      expect(outcomes[617]).toBe("SINK_REJECTED");
      expect(watched.queries.length).toBeLessThanOrEqual(26);
      await close();
    });

    test("is rejected when it is alone, if the target has taken a row before; the next such row waits", async () => {
      const { database, relation, sink: create, close } = await open(engine, guard);
      await raise(database, relation, "55000");
      const sink = create();
      const first = [row("cold", { note: bad })];
      await expect(sink.write(first, invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
      await sink.write([row("good", { note: "x" })], invocation());
      expect(outcomesOf(first, await sink.write(first, invocation()))).toEqual(["SINK_REJECTED"]);
      const second = [row("second", { note: bad })];
      await expect(sink.write(second, invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
      await sink.write([row("good", { note: "y" }, 2)], invocation());
      expect(outcomesOf(second, await sink.write(second, invocation()))).toEqual(["SINK_REJECTED"]);
      await close();
    });

    test("may be a removal", async () => {
      const { database, relation, sink: create, ids, close } = await open(engine, guard);
      const sink = create();
      await sink.write([row("1", {}), row("2", {}), row("3", {})], invocation());
      const [event, what] =
        guard === "inline"
          ? ["UPDATE", "NEW.sluice_removed_at IS NOT NULL AND NEW.id = '2'"]
          : ["DELETE", "OLD.id = '2'"];
      await database.sql(`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF ${what} THEN RAISE EXCEPTION 'kept' USING ERRCODE = '55000'; END IF;
        RETURN COALESCE(NEW, OLD); END $$`);
      await database.sql(`CREATE TRIGGER keep BEFORE ${event} ON ${relation} FOR EACH ROW EXECUTE FUNCTION keep()`);
      const batch = [removalOf(changeOf({ id: "1" }, 2)), removalOf(changeOf({ id: "2" }, 2)), row("3", {}, 2)];
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual([
        "delivered",
        "SINK_REJECTED",
        "delivered",
      ]);
      expect(await ids()).toEqual(["2", "3"]);
      await close();
    });
  });
});

describeWithPostgres("a target that refuses every row", (engine) => {
  const thousand = (position: number) =>
    Array.from({ length: 1_000 }, (_, index) => row(`item-${index}`, { note: "x" }, position));

  /** Breaks the target under a warm and under a cold sink. Expects the code, and the number of statements. */
  const expectWaiting = async (
    guard: PostgresGuard,
    breakTarget: (database: Database, relation: string, role: string) => Promise<unknown>,
    code: string,
    most: number,
  ) => {
    const { database, relation, watched, sink, close } = await open(
      engine,
      guard,
      "note text",
      asRole(() => Promise.resolve()),
    );
    const warm = sink();
    await warm.write([row("warm", { note: "x" })], invocation());
    const [found] = await watched.connect().then(async (client) => {
      const { rows } = await client.query({ text: "SELECT current_user::text AS role", values: [] });
      client.release();
      return rows as readonly { readonly role: string }[];
    });
    const role = found?.role ?? "";
    await breakTarget(database, relation, role);
    for (const one of [warm, sink()]) {
      const before = watched.queries.length;
      for (const batch of [thousand(2), [row("alone", { note: "x" }, 2)]]) {
        const outcome = await one
          .write(batch, invocation())
          .then((results) => [...new Set(outcomesOf(batch, results))].join())
          .catch((error: { readonly code: string }) => error.code);
        expect(outcome).toBe(code);
      }
      // The cold sink also reads the catalogue, in two queries.
      expect(watched.queries.length - before).toBeLessThanOrEqual(2 * most + 2);
    }
    await close();
  };

  describe.each(guards)("with guard %s", (guard) => {
    test("because its table is missing waits", () =>
      expectWaiting(guard, ({ sql }, relation) => sql(`DROP TABLE ${relation} CASCADE`), "SINK_MISSING", 2));

    test("because a permission is missing waits", () =>
      expectWaiting(
        guard,
        ({ sql }, relation, role) => sql(`REVOKE INSERT ON ${relation} FROM ${role}`),
        "SINK_DENIED",
        2,
      ));

    test("because a statement trigger refuses every statement waits", () =>
      expectWaiting(
        guard,
        async ({ sql }, relation) => {
          await sql(`CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'closed for maintenance'; END $$`);
          await sql(`CREATE TRIGGER closed BEFORE INSERT ON ${relation} EXECUTE FUNCTION closed()`);
        },
        "SINK_UNAVAILABLE",
        2,
      ));
  });

  test.each(guards)(
    "with guard %s because its trigger needs a missing table keeps its code, in 20 statements",
    async (guard) => {
      const { database, relation, watched, sink: create, close } = await open(engine, guard);
      const sink = create();
      await sink.write([row("warm", { note: "x" })], invocation());
      await raise(database, relation, "42P01", "true");
      const before = watched.queries.length;
      await expect(sink.write(thousand(2), invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
      expect(watched.queries.length - before).toBeLessThanOrEqual(20);
      await raise(database, relation, "42P01", "false");
      const batch = thousand(2);
      expect(new Set(outcomesOf(batch, await sink.write(batch, invocation())))).toEqual(new Set(["delivered"]));
      await close();
    },
  );

  test("because the server is read-only waits, and the connection leaves the pool", async () => {
    const {
      watched,
      sink: create,
      close,
    } = await open(engine, "version-table", "note text", async (found) => openDatabase(found.url, 1));
    const sink = create();
    await sink.write([row("warm", { note: "x" })], invocation());
    const pid = async (pool: WatchedPool): Promise<unknown> => {
      const client = await pool.connect();
      const { rows } = await client.query({ text: "SELECT pg_backend_pid() AS pid", values: [] });
      client.release();
      return (rows[0] as { readonly pid: number }).pid;
    };
    const client = await watched.connect();
    await client.query({ text: "SET default_transaction_read_only = on", values: [] });
    client.release();
    const before = await pid(watched);
    const queries = watched.queries.length;
    await expect(sink.write(thousand(2), invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    expect(watched.queries.length - queries).toBe(1);
    expect(await pid(watched)).not.toBe(before);
    const batch = thousand(2);
    expect(new Set(outcomesOf(batch, await sink.write(batch, invocation())))).toEqual(new Set(["delivered"]));
    await close();
  });
});
