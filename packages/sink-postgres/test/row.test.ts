import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { Image, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type PostgresRow, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  messagesOf,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const secret = "confidential-4711";

const row = (id: string, values: PostgresRow, position = 1): UpsertDelivery<PostgresRow> =>
  upsertOf(changeOf({ id }, position, {}), values);

describeWithPostgres("bad rows", (engine) => {
  const open = async (definition: string, options: object = {}) => {
    const database = await newDatabase(engine);
    await database.sql(`CREATE TABLE items (id text PRIMARY KEY, ${definition})`);
    const watched = watch(database.pool);
    const sink = postgresSink({ pool: watched, table: "items", ...options });
    await sink.ensure();
    return { database, sink, watched };
  };

  /** Writes a bad row between two good rows. Expects an error for the bad row only, and no values in this error. */
  const expectRejectedAlone = async (definition: string, bad: PostgresRow, reason: string, options: object = {}) => {
    const { database, sink } = await open(definition, options);
    const batch = [row("1", {}), row(`2-${secret}`, bad), row("3", {})];
    const results = await sink.write(batch, invocation());
    expect(outcomesOf(batch, results)).toEqual(["delivered", "SINK_REJECTED", "delivered"]);
    expect(await database.sql("SELECT id FROM items ORDER BY id")).toEqual([{ id: "1" }, { id: "3" }]);
    const [message = ""] = messagesOf(results);
    expect(message).toContain(reason);
    expect(
      JSON.stringify(results, (_, value) =>
        value instanceof Error ? `${value.message} ${value.cause}` : value === batch[1] ? null : value,
      ),
    ).not.toContain(secret);
    await database.close();
  };

  const cases: readonly (readonly [what: string, definition: string, bad: PostgresRow, reason: string])[] = [
    ["NUL in text", "note text", { note: `${secret}\0` }, 'column "note"'],
    ["NUL in jsonb", "note jsonb", { note: { a: `${secret}\0` } }, 'column "note"'],
    ["NUL in a text array", "note text[]", { note: [secret, "\0"] }, 'column "note"'],
    ["a lone high surrogate", "note text", { note: `${secret}\ud83d` }, 'column "note"'],
    ["a lone low surrogate in jsonb", "note jsonb", { note: `${secret}\ude00` }, 'column "note"'],
    ["an integer out of range", "n int4", { n: 2_147_483_648 }, "SQLSTATE 22003"],
    ["a bigint out of range", "n int8", { n: 9_223_372_036_854_775_808n }, "SQLSTATE 22003"],
    ["a number too wide for its numeric", "n numeric(5,2)", { n: 1_000 }, "SQLSTATE 22003"],
    ["a fraction for an integer", "n int4", { n: 1.5 }, "SQLSTATE 22P02"],
    ["NaN", "n numeric", { n: Number.NaN }, 'column "n"'],
    ["an invalid Date", "at timestamptz", { at: new Date(Number.NaN) }, 'column "at"'],
    ["a text that is not a timestamp", "at timestamptz", { at: secret }, "SQLSTATE 22007"],
    ["a text that is not a uuid", "u uuid", { u: secret }, "SQLSTATE 22P02"],
    ["a text too long for its varchar, which is not cut off", "s varchar(3)", { s: secret }, "SQLSTATE 22001"],
    ["a text too long for its char", "s char(3)", { s: secret }, "SQLSTATE 22001"],
    ["an object for an integer", "n int4", { n: { a: secret } }, 'column "n"'],
    ["a function", "n text", { n: () => secret }, 'column "n"'],
    ["bytes for an integer", "n int4", { n: new Uint8Array([1]) }, 'column "n"'],
    ["a ragged array", "n int4[]", { n: [[1, 2], [3]] }, "SQLSTATE 22P02"],
    [
      "NULL in a NOT NULL column",
      "n int4, m text CHECK (n > 0 OR m IS NULL)",
      { n: -1, m: secret },
      'constraint "items_check"',
    ],
    ["a column that does not exist", "n int4", { missing: secret }, 'column "missing"'],
    ["another key than the item's", "n int4", { id: "other" }, 'column "id"'],
  ];
  for (const [what, definition, bad, reason] of cases) {
    test(`${what} is rejected alone, without its value in the error`, () =>
      expectRejectedAlone(definition, bad, reason));
  }

  test("a row that a trigger refuses is rejected without the trigger's text, whatever its SQLSTATE", async () => {
    const { database, sink } = await open("note text");
    await database.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.note IS NOT NULL THEN RAISE EXCEPTION 'bad %', NEW.note USING ERRCODE = 'UE001'; END IF; RETURN NEW; END $$`);
    await database.sql("CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION refuse()");
    const batch = [row("1", {}), row("2", { note: secret })];
    const results = await sink.write(batch, invocation());
    expect(outcomesOf(batch, results)).toEqual(["delivered", "SINK_REJECTED"]);
    expect(messagesOf(results)[0]).toContain("UE001");
    expect(messagesOf(results)[0]).not.toContain(secret);
    await database.close();
  });

  for (const [what, bad] of [
    ["found by the server", 0],
    ["found before sending", "\0"],
  ] as const) {
    test(`one bad row among 1,000, ${what}, lets 999 rows commit in few statements`, async () => {
      const { database, sink, watched } = await open("note text CHECK (note <> '0')");
      const batch = Array.from({ length: 1_000 }, (_, index) =>
        row(`item-${index}`, { note: index === 617 ? bad : "fine" }, index + 1),
      );
      await sink.write([row("warm", { note: "up" })], invocation());
      const before = watched.queries.length;
      const outcomes = outcomesOf(batch, await sink.write(batch, invocation()));
      expect(outcomes.filter((outcome) => outcome === "delivered").length).toBe(999);
      expect(outcomes[617]).toBe("SINK_REJECTED");
      expect(watched.queries.length - before).toBeLessThanOrEqual(21);
      expect(await database.sql("SELECT count(*)::int AS n FROM items")).toEqual([{ n: 1_000 }]);
      await database.close();
    });
  }

  test("a rejected row can be redriven after the table was changed", async () => {
    const { database, sink } = await open("n int4 CHECK (n > 0)");
    const batch = [row("a", { n: -1 })];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["SINK_REJECTED"]);
    await database.sql("ALTER TABLE items DROP CONSTRAINT items_n_check");
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await database.close();
  });
});

describeWithPostgres("an existing table", (engine) => {
  const orders = async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE customers (name text PRIMARY KEY)");
    await database.sql("INSERT INTO customers VALUES ('ann'), ('bob')");
    await database.sql(`CREATE TABLE orders (
      number bigint GENERATED ALWAYS AS IDENTITY, tenant text, order_id int, customer text NOT NULL REFERENCES customers,
      email text UNIQUE, total numeric(10,2), doubled numeric GENERATED ALWAYS AS (total * 2) STORED,
      status text NOT NULL DEFAULT 'new', created_at timestamptz DEFAULT now(), PRIMARY KEY (tenant, order_id))`);
    await database.sql(
      "CREATE TABLE lines (tenant text, order_id int, FOREIGN KEY (tenant, order_id) REFERENCES orders)",
    );
    const options = { pool: database.pool, table: "orders", key: { tenant: "pk", order_id: "sk" } } as const;
    await postgresSink(options).ensure();
    return { database, options, sink: postgresSink(options) };
  };
  const order = (sk: number, values: PostgresRow | undefined, position = sk): UpsertDelivery<PostgresRow> => {
    const change = changeOf({ pk: "t", sk }, position, values === undefined ? undefined : {});
    return values === undefined ? removalOf(change) : upsertOf(change, values);
  };
  const read = ({ sql }: Database, columns: string) => sql(`SELECT ${columns} FROM orders ORDER BY order_id`);

  test("keeps its other columns, because Postgres fills defaults, identity and generated columns", async () => {
    const { database, sink } = await orders();
    const batch = [order(1, { customer: "ann", email: "a@x", total: 12.5 })];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await database.sql("UPDATE orders SET status = 'seen'");
    await sink.write([order(1, { customer: "bob" }, 9)], invocation());
    expect(await read(database, "customer, email, total, doubled, status, number")).toEqual([
      { customer: "bob", email: null, total: null, doubled: null, status: "seen", number: "1" },
    ]);
    await database.close();
  });

  test('a column in option "columns" is written even if it has a default', async () => {
    const { database, options } = await orders();
    const sink = postgresSink({ ...options, columns: ["customer", "status"] });
    const batch = [order(1, { customer: "ann", status: "paid" }), order(2, { customer: "ann", email: "not listed" })];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered", "SINK_REJECTED"]);
    expect(await read(database, "customer, status")).toEqual([{ customer: "ann", status: "paid" }]);
    await database.close();
  });

  test("rejects only the rows that break NOT NULL, a foreign key or a unique constraint", async () => {
    const { database, sink } = await orders();
    await sink.write([order(1, { customer: "ann", email: "taken@x" })], invocation());
    const batch = [
      order(2, { customer: "unknown" }),
      order(3, {}),
      order(4, { customer: "bob", email: "taken@x" }),
      order(5, { customer: "bob", email: "free@x" }),
    ];
    const results = await sink.write(batch, invocation());
    expect(outcomesOf(batch, results)).toEqual([
      "SINK_REFERENCE_MISSING",
      "SINK_REJECTED",
      "SINK_REJECTED",
      "delivered",
    ]);
    const messages = messagesOf(results).join("\n");
    for (const reason of ["23503", "orders_customer_fkey", "23502", 'column "customer"', "23505", "orders_email_key"]) {
      expect(messages).toContain(reason);
    }
    for (const value of ["unknown", "taken@x"]) expect(messages).not.toContain(value);
    await database.close();
  });

  test("a removal that a foreign key forbids waits alone, and is delivered later", async () => {
    const { database, sink } = await orders();
    await sink.write([order(1, { customer: "ann" }), order(2, { customer: "ann" })], invocation());
    await database.sql("INSERT INTO lines VALUES ('t', 1)");
    const batch = [order(1, undefined, 10), order(2, undefined, 11)];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["SINK_REFERENCE_MISSING", "delivered"]);
    await database.sql("DELETE FROM lines");
    const again = batch.slice(0, 1);
    expect(outcomesOf(again, await sink.write(again, invocation()))).toEqual(["delivered"]);
    expect(await read(database, "order_id")).toEqual([]);
    await database.close();
  });

  test("a unique value can move from a removed row to a new row, and between live rows, within a batch", async () => {
    const { database, sink } = await orders();
    await sink.write(
      [order(5, { customer: "ann", email: "one" }), order(6, { customer: "ann", email: "two" })],
      invocation(),
    );
    const batch = [
      order(1, { customer: "bob", email: "one" }, 21),
      order(2, { customer: "bob", email: "two" }, 31),
      order(5, undefined, 20),
      order(6, { customer: "ann", email: "three" }, 30),
    ];
    const outcomes = outcomesOf(batch, await sink.write(batch, invocation()));
    expect(outcomes).toEqual(["delivered", "delivered", "delivered", "delivered"]);
    expect(await read(database, "order_id, email")).toEqual([
      { order_id: 1, email: "one" },
      { order_id: 2, email: "two" },
      { order_id: 6, email: "three" },
    ]);
    await database.close();
  });

  test("rows that existed before the sink are replaced by the first change of their item", async () => {
    const { database, sink } = await orders();
    await database.sql("INSERT INTO orders (tenant, order_id, customer) VALUES ('t', 1, 'ann'), ('t', 2, 'ann')");
    const batch = [order(1, { customer: "bob" }), order(2, undefined)];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered", "delivered"]);
    expect(await read(database, "order_id, customer")).toEqual([{ order_id: 1, customer: "bob" }]);
    await database.close();
  });

  test("a missing table, version table or column rejects with SINK_MISSING until it exists", async () => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, table: "late" });
    const batch = [row("a", { n: 1 })];
    await expect(sink.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.sql("CREATE TABLE late (id text PRIMARY KEY, n int)");
    await expect(sink.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await sink.ensure();
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await database.sql("ALTER TABLE late DROP COLUMN n");
    await database.sql("ALTER TABLE late ADD COLUMN m int");
    await expect(sink.write([row("a", { n: 2 }, 2)], invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    const next = [row("a", { m: 3 }, 3)];
    expect(outcomesOf(next, await sink.write(next, invocation()))).toEqual(["delivered"]);
    await database.close();
  });
});

const wide = "12345678901234567890123456789012345678";
const fine = "-0.12345678901234567890123456789012345678";

describeWithPostgres("values", (engine) => {
  test("a mapper's values are stored exactly", async () => {
    const database = await newDatabase(engine);
    await database.sql(`CREATE TABLE items (id text PRIMARY KEY, n numeric, big int8, f float8, b boolean, at timestamptz,
      raw bytea, base64 text, doc jsonb, exact json, txt text, tags text[], grid int4[], docs jsonb[], mood varchar(9))`);
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    const text = '"q" \\ {a,b} \n\r\t\u0001 NULL null 日本語 👩‍👩‍👧 \\u0000';
    const batch = [
      row("a", {
        n: new NumberValueImpl(wide),
        big: 9_007_199_254_740_993n,
        f: 0.1,
        b: false,
        at: new Date("2026-11-23T01:02:03.456Z"),
        raw: new Uint8Array([0, 255, 92]),
        base64: new Uint8Array([1, 2]),
        doc: { n: new NumberValueImpl(wide), set: new Set(["b", "a"]), text, bytes: new Uint8Array([1]) },
        exact: "a JSON string",
        txt: text,
        tags: new Set([text, "", "NULL"]),
        grid: [
          [1, 2],
          [3, null],
        ],
        docs: [{ a: [1] }, "x", null],
        mood: "fine",
      }),
      row("b", { tags: [], txt: "" }),
    ];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered", "delivered"]);
    const [first, second] =
      await database.sql(`SELECT n::text, big::text, f, b, at, encode(raw, 'hex') AS raw, base64, doc::text,
      exact::text, txt, tags, grid, docs::text[], mood FROM items ORDER BY id`);
    expect(first).toEqual({
      n: wide,
      big: "9007199254740993",
      f: 0.1,
      b: false,
      at: new Date("2026-11-23T01:02:03.456Z"),
      raw: "00ff5c",
      base64: "AQI=",
      doc: `{"n": ${wide}, "set": ["a", "b"], "text": ${JSON.stringify(text)}, "bytes": "AQ=="}`,
      exact: '"a JSON string"',
      txt: text,
      tags: [text, "", "NULL"],
      grid: [
        [1, 2],
        [3, null],
      ],
      docs: ['{"a": [1]}', '"x"', null],
      mood: "fine",
    });
    expect(second).toMatchObject({ tags: [], txt: "", n: null, doc: null });
    await database.close();
  });

  test("declared columns store the attributes of the image with every digit", async () => {
    const database = await newDatabase(engine);
    const sink = postgresSink({
      pool: database.pool,
      table: "items",
      key: ["id"],
      columns: {
        id: "text",
        n: "numeric",
        scaled: { path: "n", type: "text" },
        city: { path: "address.city", type: "text" },
        second: { path: "lines.1.sku", type: "text" },
        dotted: { path: ["a.b"], type: "boolean" },
        raw: "bytea",
        base64: { path: "raw", type: "text" },
        tags: "text[]",
        sizes: { path: "sizes", type: "numeric[]" },
        blobs: "bytea[]",
        grid: "int4[]",
        asJson: { path: "tags", type: "jsonb" },
        gone: "text",
        item: { path: [], type: "jsonb" },
      },
    });
    await sink.ensure();
    const image: Image = {
      id: { S: "a" },
      n: { N: wide },
      address: { M: { city: { S: "Bern" } } },
      lines: { L: [{ M: {} }, { M: { sku: { S: "x-1" } } }] },
      "a.b": { BOOL: true },
      raw: { B: "AP8=" },
      tags: { SS: ["b", 'a,"\\'] },
      sizes: { NS: [fine, "2"] },
      blobs: { BS: ["AQI=", "AA=="] },
      grid: { L: [{ L: [{ N: "1" }, { N: "2" }] }, { L: [{ N: "3" }, { NULL: true }] }] },
      gone: { NULL: true },
    };
    const change = streamChange({ after: { id: "a" }, keyNames: ["id"] });
    const live = { ...change, after: {}, record: { dynamodb: { NewImage: image } } };
    const batch = [{ change, message: sink.map(live), earlier: [] }];
    expect(outcomesOf(batch as never, await sink.write(batch as never, invocation()))).toEqual(["delivered"]);
    const [found] =
      await database.sql(`SELECT n::text, scaled, city, second, dotted, encode(raw, 'hex') AS raw, base64, tags,
      sizes::text[], array(SELECT encode(b, 'hex') FROM unnest(blobs) b) AS blobs, grid, "asJson"::text, gone, item->'n' = to_jsonb(n) AS same FROM items`);
    expect(found).toEqual({
      n: wide,
      scaled: wide,
      city: "Bern",
      second: "x-1",
      dotted: true,
      raw: "00ff",
      base64: "AP8=",
      tags: ['a,"\\', "b"],
      sizes: [fine, "2"],
      blobs: ["0102", "00"],
      grid: [
        [1, 2],
        [3, null],
      ],
      asJson: '["a,\\"\\\\", "b"]',
      gone: null,
      same: true,
    });
    await database.close();
  });

  test("a stream without new images fails with RECORD_INCOMPLETE instead of writing NULLs", () => {
    const sink = postgresSink({ connection: { host: "localhost" }, table: "items", columns: { id: "text" } });
    const change = streamChange({ after: { id: "a" }, keyNames: ["id"], viewType: "KEYS_ONLY" });
    expect(() => sink.map({ ...change, after: {} })).toThrow(expect.objectContaining({ code: "RECORD_INCOMPLETE" }));
  });

  test("keys of any type identify their row, even numbers of 38 digits and binary keys", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (pk bytea, sk numeric, n int, PRIMARY KEY (pk, sk))");
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    const keys = { pk: new Uint8Array([0, 200]), sk: new NumberValueImpl(wide) };
    await sink.write([upsertOf(changeOf(keys, 1, {}), { n: 1 })], invocation());
    expect(await database.sql("SELECT encode(pk, 'hex') AS pk, sk::text, n FROM items")).toEqual([
      { pk: "00c8", sk: wide, n: 1 },
    ]);
    const removal = [removalOf(changeOf(keys, 2))];
    expect(outcomesOf(removal, await sink.write(removal, invocation()))).toEqual(["delivered"]);
    expect(await database.sql("SELECT 1 FROM items")).toEqual([]);
    await database.close();
  });
});
