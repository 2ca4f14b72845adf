// Rows that several items share obey the same rules as other rows: about columns that no row names, about a table that
// changes, about refusals, and about removals of items that probably never had a row.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { Change, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type PostgresRow, type PostgresSink, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  newDatabase,
  openDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

type Keys = { readonly [attribute: string]: unknown };

const one = { PK: "P", SK: "1" };
const two = { PK: "P", SK: "2" };
const key = { id: "PK" } as const;

const put = (keys: Keys, position: number, message: PostgresRow): UpsertDelivery<PostgresRow> =>
  upsertOf(changeOf(keys, position, {}), message);
const remove = (keys: Keys, position: number) => removalOf(changeOf(keys, position));
const precaution = (keys: Keys, position: number): UpsertDelivery<PostgresRow> => ({
  ...remove(keys, position),
  onlyIfPresent: true,
});

/** A table of which the items `one` and `two` have the same row. */
const open = async (
  engine: Parameters<typeof newDatabase>[0],
  columns: string,
  through: (database: Database) => Promise<Database> = async (database) => database,
) => {
  const database = await newDatabase(engine);
  await database.sql(`CREATE TABLE items (id text PRIMARY KEY, ${columns})`);
  await postgresSink({ pool: database.pool, table: "items", key }).ensure();
  const used = await through(database);
  const watched = watch(used.pool);
  const sink = () => postgresSink({ pool: watched, table: "items", key });
  const rows = () => database.sql("SELECT * FROM items ORDER BY id");
  const close = async (): Promise<void> => {
    if (used !== database) await used.close();
    await database.close();
  };
  return { database, watched, sink, rows, close };
};

const write = async (sink: PostgresSink, ...batch: readonly UpsertDelivery<PostgresRow>[]): Promise<string[]> =>
  outcomesOf(batch, await sink.write(batch, invocation()));

const delivered = ["delivered"];

/** The error with which a write rejects, or the outcomes. */
const codeOf = async (sink: PostgresSink, ...batch: readonly UpsertDelivery<PostgresRow>[]): Promise<unknown> =>
  write(sink, ...batch).catch((error: { code: string }) => error.code);

describeWithPostgres("a column that no row of the environment names, in a shared row", (engine) => {
  test("stays if the same item changes, also if another item's content is stored", async () => {
    const { sink, rows, close } = await open(engine, "a int, b int");
    await write(sink(), put(two, 1, { a: 2, b: 2 }), put(one, 2, { a: 1, b: 1 }));
    expect(await write(sink(), put(one, 3, { a: 3 }))).toEqual(delivered);
    expect(await rows()).toEqual([{ id: "P", a: 3, b: 1 }]);
    await close();
  });

  test("has no value of another item, and the whole content of that item returns", async () => {
    const { sink, rows, close } = await open(engine, "a int, b int");
    await write(sink(), put(one, 1, { a: 1, b: 1 }));
    const other = sink();
    expect(await write(other, put(two, 2, { a: 2 }))).toEqual(delivered);
    expect(await rows()).toEqual([{ id: "P", a: 2, b: null }]);
    expect(await write(other, remove(two, 3))).toEqual(delivered);
    expect(await rows()).toEqual([{ id: "P", a: 1, b: 1 }]);
    await close();
  });

  test("keeps its value in a content that is not shown when that item changes", async () => {
    const { sink, rows, close } = await open(engine, "a int, b int");
    await write(sink(), put(one, 1, { a: 1, b: 1 }));
    await write(sink(), put(two, 5, { a: 5, b: 5 }));
    const other = sink();
    expect(await write(other, put(one, 2, { a: 2 }))).toEqual(delivered);
    expect(await rows()).toEqual([{ id: "P", a: 5, b: 5 }]);
    await write(other, remove(two, 6));
    expect(await rows()).toEqual([{ id: "P", a: 2, b: 1 }]);
    await close();
  });

  test("becomes NULL if the change removes the attribute", async () => {
    const { sink, rows, close } = await open(engine, "a int, b int");
    await write(sink(), put(one, 1, { a: 1, b: 1 }));
    await write(sink(), put(two, 5, { a: 5, b: 5 }));
    const images = { before: { ...one, b: 1 }, after: { ...one }, position: 2, keyNames: ["PK", "SK"] };
    await write(sink(), upsertOf(streamChange(images) as Change, { a: 2 }));
    await write(sink(), remove(two, 6));
    expect(await rows()).toEqual([{ id: "P", a: 2, b: null }]);
    await close();
  });
});

describeWithPostgres("a table that changes under a warm environment, with shared rows", (engine) => {
  test.each<readonly [string, string, PostgresRow, PostgresRow, PostgresRow]>([
    ["jsonb to text", "ALTER n TYPE text USING n #>> '{}'", { n: "x" }, { n: "plain" }, { n: "plain" }],
    ["a new column", "ADD m int", { n: "x" }, { n: "y", m: 3 }, { n: "y", m: 3 }],
    ["a dropped column", "DROP o", { n: "x" }, { n: "y" }, { n: "y" }],
  ])(
    "%s: the next write of an uncontested, a contested and a new row is right",
    async (_, ddl, first, next, expected) => {
      const { database, sink: create, close } = await open(engine, "n jsonb, o int");
      const sink = create();
      const lone = { PK: "Q", SK: "1" };
      await write(sink, put(one, 1, first), put(two, 2, first), put(lone, 1, first));
      await database.sql(`ALTER TABLE items ${ddl}`);
      const fresh = { PK: "R", SK: "1" };
      expect(await write(sink, put(two, 3, next), put(lone, 3, next), put(fresh, 3, next))).toEqual(
        Array(3).fill("delivered"),
      );
      expect(await write(sink, put(one, 4, next))).toEqual(delivered);
      for (const row of await database.sql("SELECT * FROM items")) expect(row).toMatchObject(expected);
      await close();
    },
  );

  test("a contested write never loses the new column of another item", async () => {
    const { database, sink: create, rows, close } = await open(engine, "a int");
    const old = create();
    await write(old, put(one, 1, { a: 1 }), put({ PK: "Q", SK: "1" }, 1, { a: 1 }));
    await database.sql("ALTER TABLE items ADD b int");
    await write(create(), put(one, 2, { a: 2, b: 2 }));
    expect(await write(old, put(two, 3, { a: 3 }))).toEqual(delivered);
    expect(await rows()).toContainEqual({ id: "P", a: 3, b: null });
    expect(await write(old, remove(two, 4))).toEqual(delivered);
    expect(await rows()).toContainEqual({ id: "P", a: 2, b: 2 });
    await close();
  });

  test.each([
    ["citext", "CREATE EXTENSION citext", "text", "Ada", "ada"],
    [
      'text COLLATE "caseless"',
      "CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
      "text",
      "Ada",
      "ada",
    ],
    ["numeric(9,2)", "SELECT 1", "numeric", 1.001, 1.004],
    ["varchar(3)", "SELECT 1", "varchar", "abc", "abc "],
  ])("a key column that becomes %s ends the proof", async (type, setup, before, spelling, other) => {
    const database = await newDatabase(engine);
    await database.sql(`${setup}; CREATE TABLE items (id ${before} PRIMARY KEY, a int)`);
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    expect(await write(sink, put({ id: 7 }, 1, { a: 1 }))).toEqual(delivered);
    for (const table of ["items", "items_sluice"]) await database.sql(`ALTER TABLE ${table} ALTER id TYPE ${type}`);
    expect(await write(sink, put({ id: spelling }, 2, { a: 1 }))).toEqual(delivered);
    expect(await write(sink, put({ id: other }, 3, { a: 2 }))).toEqual(delivered);
    expect(await write(sink, remove({ id: spelling }, 4))).toEqual(delivered);
    expect(await database.sql("SELECT a FROM items WHERE id <> '7'")).toEqual([{ a: 2 }]);
    await database.close();
  });
});

/** Makes a trigger refuse rows whose `a` is negative, or every row. */
const refuse = async ({ sql }: Database, state: string, when = "NEW.a < 0"): Promise<void> => {
  await sql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF ${when} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$`);
  await sql("CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION refuse()");
};

describeWithPostgres("a refusal of shared rows", (engine) => {
  test.each(["42501", "55000", "XX000", "23514"])(
    "with %s is the fault of one row, contested or not, and the others are delivered",
    async (state) => {
      const { database, sink: create, rows, close } = await open(engine, "a int");
      const sink = create();
      await write(sink, put(one, 1, { a: 1 }));
      await refuse(database, state);
      const lone = (PK: string, a: number) => put({ PK, SK: "1" }, 2, { a });
      expect(await write(sink, put(two, 2, { a: -1 }), lone("Q", 2), lone("R", -1), lone("S", 2))).toEqual([
        "SINK_REJECTED",
        "delivered",
        "SINK_REJECTED",
        "delivered",
      ]);
      expect(await write(sink, put(two, 3, { a: -1 }), lone("T", 2))).toEqual(["SINK_REJECTED", "delivered"]);
      expect(await write(sink, put(two, 4, { a: 4 }), lone("U", 2), lone("V", -1))).toEqual([
        "delivered",
        "delivered",
        "SINK_REJECTED",
      ]);
      expect(await rows()).toEqual([{ id: "P", a: 4 }, ...["Q", "S", "T", "U"].map((id) => ({ id, a: 2 }))]);
      await close();
    },
  );

  test("that the target causes rejects no row, also if only contested rows need the permission", async () => {
    const role = async (database: Database): Promise<Database> => {
      const name = `r${new URL(database.url).pathname.slice(1)}`.slice(0, 60);
      await database.sql(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'`);
      await database.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${name}`);
      await database.sql(`REVOKE DELETE ON items FROM ${name}`);
      return openDatabase(Object.assign(new URL(database.url), { username: name, password: "secret" }).href);
    };
    const { sink: create, close } = await open(engine, "a int", role);
    const sink = create();
    expect(await write(sink, put(one, 1, { a: 1 }))).toEqual(delivered);
    expect(await codeOf(sink, put(two, 2, { a: 2 }))).toBe("SINK_DENIED");
    expect(await write(sink, put(two, 2, { a: 2 }), put({ PK: "Q", SK: "1" }, 2, { a: 2 }))).toEqual([
      "SINK_DENIED",
      "delivered",
    ]);
    await close();
  });

  test("because the guard has no place for owners waits, and splits no batch", async () => {
    const { database, watched, sink: create, close } = await open(engine, "a int");
    await database.sql("ALTER TABLE items_sluice DROP sluice_owner");
    const sink = create();
    const batch = Array.from({ length: 20 }, (_, index) => put({ PK: `${index}`, SK: "1" }, 1, { a: 1 }));
    expect(await codeOf(sink, ...batch)).toBe("SINK_MISSING");
    expect(watched.queries).toHaveLength(2);
    await postgresSink({ pool: database.pool, table: "items", key }).ensure();
    expect(await write(sink, ...batch)).toEqual(batch.map(() => "delivered"));
    await close();
  });
});

describeWithPostgres("removals with onlyIfPresent", (engine) => {
  test.each([
    ["integer", 1, ["ORDER#9", "99999999999", "1.5", ""]],
    ["smallint", 1, ["ORDER#9", "40000"]],
    ["bigint", 1, ["ORDER#9", "9223372036854775808"]],
    ["numeric", 1.5, ["ORDER#9", "1.x", "-"]],
    ["uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ["ORDER#9", "a0eebc99"]],
  ])(
    "whose key does not fit a key column of type %s are superseded, and split no batch",
    async (type, good, others) => {
      for (const mapping of [key, ({ PK }: Change["keys"]) => ({ id: PK as string })]) {
        const database = await newDatabase(engine);
        await database.sql(`CREATE TABLE items (id ${type} PRIMARY KEY, a int)`);
        const watched = watch(database.pool);
        const sink = postgresSink({ pool: watched, table: "items", key: mapping as typeof key });
        await sink.ensure();
        await write(sink, put({ PK: good, SK: "1" }, 1, { a: 1 }));
        const foreign = others.map((PK) => precaution({ PK, SK: "1" }, 2));
        const batch = [put({ PK: good, SK: "1" }, 2, { a: 2 }), ...foreign];
        const expected = ["delivered", ...others.map(() => "superseded")];
        expect(outcomesOf(batch, (await sink.dryRun?.(batch, invocation())) ?? [])).toEqual(expected);
        const before = watched.queries.length;
        expect(await write(sink, ...batch)).toEqual(expected);
        expect(watched.queries.length - before).toBe(mapping === key ? 1 : 3);
        expect(await database.sql("SELECT a FROM items")).toEqual([{ a: 2 }]);
        await database.close();
      }
    },
  );

  test.each([
    ["integer", ["1", "-1", " 1 ", "+1", "2147483647"]],
    ["numeric", ["1", "-1.5e-3", ".5", "NaN", "1E+2"]],
    ["uuid", ["A0EEBC999C0B4EF8BB6D6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"]],
  ])("whose key fits a key column of type %s remove the row", async (type, texts) => {
    const { PK: _, ...keys } = one;
    const database = await newDatabase(engine);
    await database.sql(`CREATE TABLE items (id ${type} PRIMARY KEY, a int)`);
    const sink = postgresSink({ pool: database.pool, table: "items", key });
    await sink.ensure();
    for (const [index, PK] of texts.entries()) {
      await write(sink, put({ PK, ...keys }, 2 * index + 1, { a: 1 }));
      expect(await write(sink, precaution({ PK, ...keys }, 2 * index + 2))).toEqual(delivered);
    }
    expect(await database.sql("SELECT a FROM items")).toEqual([]);
    await database.close();
  });
});
