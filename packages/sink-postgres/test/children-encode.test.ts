// The rows that lists, sets and maps become, and the values that are rejected. Also: which rows a write does not touch.

import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresChild, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  messagesOf,
  newDatabase,
  outcomesOf,
  upsertOf,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

type Row = Record<string, unknown>;

const put = (position: number, row: Row): UpsertDelivery<Row> =>
  upsertOf(changeOf({ id: "x" }, position, {}), { id: "x", ...row });

const key = { order_id: "id" };
const children = {
  lines: { table: "lines", of: "lines", key, position: "line", columns: ["sku", "price"] },
  tags: { table: "tags", of: "tags", key, elementKey: ["tag"], columns: ["tag"] },
  notes: { table: "notes", of: "deep.notes", key, memberName: "name", columns: ["note"] },
  cells: {
    table: "rows",
    of: "grid",
    key,
    position: "y",
    columns: [],
    children: [{ table: "cells", of: [], position: "x", columns: ["value"] }],
  },
} satisfies Record<string, PostgresChild>;

const ddl = `CREATE TABLE orders (id text PRIMARY KEY, total int);
  CREATE TABLE lines (order_id text, line int, sku varchar(3), price numeric(9,2), PRIMARY KEY (order_id, line));
  CREATE TABLE tags (order_id text, tag text, PRIMARY KEY (order_id, tag));
  CREATE TABLE notes (order_id text, name text, note text, PRIMARY KEY (order_id, name));
  CREATE TABLE rows (order_id text, y int, PRIMARY KEY (order_id, y));
  CREATE TABLE cells (order_id text, y int, x int, value text, PRIMARY KEY (order_id, y, x))`;

describeWithPostgres("children of a mapper's row", (engine) => {
  let database: Database;
  beforeEach(async () => {
    database = await newDatabase(engine);
    await database.sql(ddl);
  });
  afterEach(() => database.close());

  const open = async () => {
    const sink = postgresSink({ pool: database.pool, table: "orders", children: Object.values(children) });
    await sink.ensure();
    return sink;
  };
  const rowsOf = async (table: string) =>
    (
      await database.sql(
        `SELECT concat_ws('|', VARIADIC ARRAY(SELECT COALESCE(value, '-') FROM jsonb_each_text(to_jsonb(t)))) AS row FROM ${table} t`,
      )
    )
      .map(({ row }) => row)
      .sort();

  test.each<[string, Row, string, string[]]>([
    ["a list of rows", { lines: [{ sku: "a", price: 1 }, null] }, "lines", ["0|a|1.00|x", "1|-|-|x"]],
    ["a set of values, sorted", { lines: null, tags: new Set(["b", "a"]) }, "tags", ["a|x", "b|x"]],
    ["a list of values", { tags: ["b"] }, "tags", ["b|x"]],
    ["a map's values by a key of the element", { tags: new Map([["m", { tag: "t" }]]) }, "tags", ["t|x"]],
    ["an object by its names", { deep: { notes: { a: "one", b: { note: "two" } } } }, "notes", ["a|one|x", "b|two|x"]],
    ["a Map by its names", { deep: { notes: new Map([["a", "one"]]) } }, "notes", ["a|one|x"]],
    ["lists in a list", { grid: [["a", "b"], [], ["c"]] }, "cells", ["0|0|a|x", "1|0|b|x", "0|2|c|x"]],
    ["a list that is missing", {}, "lines", []],
  ])("%s", async (_, row, table, expected) => {
    const sink = await open();
    const batch = [put(1, row)];
    expect(outcomesOf(batch, await sink.write(batch as never, invocation()))).toEqual(["delivered"]);
    const found = await rowsOf(table);
    const cellsOf = (text: unknown): string[] => String(text).split("|").sort();
    expect(found.map(cellsOf).sort()).toEqual(expected.map(cellsOf).sort());
  });

  test.each<[string, Row, RegExp]>([
    [
      "a text in place of a list",
      { lines: "secret" },
      /"lines", "lines": found a string; expected a list, a set or a map/,
    ],
    ["a map where positions are needed", { lines: { a: {} } }, /found a map, which has no positions/],
    ["a list where names are needed", { deep: { notes: ["secret"] } }, /found a list, whose elements have no names/],
    ["two elements with one key", { tags: ["secret", "secret"] }, /found two elements with the same key/],
    ["an element without its key", { tags: [null] }, /column "tag", a key of the element: found no value/],
    ["a value in place of a row", { lines: ["secret"] }, /found an element without named members/],
    ["a name that is not a column", { lines: [{ secret: 1, skuu: 1 }] }, /the row names column "secret"/],
    ["a text that is too long", { lines: [{ sku: "secret" }] }, /22001/],
    [
      "a value of another type",
      { lines: [{ sku: "a", price: "secret" }] },
      /table "lines", column "price" \(numeric\(9,2\)\)/,
    ],
  ])("%s is rejected, and other items are written", async (_, row, message) => {
    const sink = await open();
    const other = upsertOf(changeOf({ id: "y" }, 2, {}), { id: "y", tags: ["t"] });
    const batch = [put(1, row), other];
    const results = await sink.write(batch as never, invocation());
    expect(outcomesOf(batch, results)).toEqual(["SINK_REJECTED", "delivered"]);
    expect(messagesOf(results)).toEqual([expect.stringMatching(message)]);
    if (!/names column/.test(String(message))) expect(messagesOf(results).join()).not.toContain("secret");
    expect(await rowsOf("orders")).toHaveLength(1);
  });

  test("a text that is too long is refused, also if its beginning is stored", async () => {
    const sink = await open();
    await sink.write([put(1, { lines: [{ sku: "abc" }] })] as never, invocation());
    const batch = [put(2, { lines: [{ sku: "abcd" }] })];
    expect(outcomesOf(batch, await sink.write(batch as never, invocation()))).toEqual(["SINK_REJECTED"]);
  });

  test("only rows that differ are written, and a stale change touches none", async () => {
    const sink = await open();
    const write = async (position: number, row: Row) => sink.write([put(position, row)] as never, invocation());
    const versions = async () =>
      Object.fromEntries(
        (
          await database.sql(
            "SELECT 'l' || line AS name, xmin::text FROM lines UNION ALL SELECT 'order', xmin::text FROM orders",
          )
        ).map(({ name, xmin }) => [String(name), xmin]),
      );
    const [a, b] = [
      { sku: "a", price: 1.005 },
      { sku: "b", price: 2 },
    ];
    await write(1, { total: 1, lines: [a, b] });
    const first = await versions();
    await write(2, { total: 1, lines: [a, { sku: "c", price: 2 }] });
    const second = await versions();
    expect(second).toEqual({ ...first, l1: second.l1 });
    expect(second.l1).not.toBe(first.l1);
    await write(3, { total: 2, lines: [a, { sku: "c", price: 2 }] });
    const third = await versions();
    expect(third).toEqual({ ...second, order: third.order });
    expect(third.order).not.toBe(second.order);
    await write(1, { total: 9, lines: [] });
    expect(await versions()).toEqual(third);
  });

  test("a missing table, column or index stops the write with what to do", async () => {
    const sink = await open();
    const write = () => sink.write([put(1, {})] as never, invocation());
    await database.sql("ALTER TABLE tags DROP CONSTRAINT tags_pkey; CREATE UNIQUE INDEX ON tags (tag, order_id)");
    await expect(write()).rejects.toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringMatching(/does not begin with/),
    });
    await database.sql("DROP TABLE tags");
    await expect(write()).rejects.toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringMatching(/"tags" does not exist/),
    });
  });

  test("declared columns reject an element without the members that they name", async () => {
    const sink = postgresSink({
      pool: database.pool,
      table: "orders",
      columns: { id: "text" },
      children: [
        { ...children.lines, columns: { sku: "varchar(3)", price: { path: "price", type: "numeric(9,2)" } } },
        { ...children.tags, columns: { tag: { path: [], type: "text" } } },
      ],
    });
    await sink.ensure();
    const item = (id: string, position: number, after: Row) => {
      const change = changeOf({ id }, position, after);
      return upsertOf(change, sink.map(change as never));
    };
    const batch = [
      item("a", 1, { lines: ["secret"] }),
      item("b", 2, { lines: [{ sku: "a", price: 1 }, null], tags: new Set(["t"]) }),
      item("c", 3, { lines: new Set([1, 2]) }),
      item("d", 4, { lines: [new Set(["secret"])] }),
    ];
    const results = await sink.write(batch as never, invocation());
    expect(outcomesOf(batch, results)).toEqual(["SINK_REJECTED", "delivered", "SINK_REJECTED", "SINK_REJECTED"]);
    const expected = 'expected a map, because column "sku" is the member "sku" of each element';
    expect(messagesOf(results).map((message) => message.replace(/^.*found/, "found"))).toEqual([
      expect.stringContaining(`found a string; ${expected}`),
      expect.stringContaining(`found a number; ${expected}`),
      expect.stringContaining(`found a set; ${expected}`),
    ]);
    expect(await rowsOf("orders")).toHaveLength(1);
    expect(await rowsOf("lines")).toEqual(["-|1|-|b", "a|0|1.00|b"]); // sku, line, price, order
  });
});

describe("two sinks of one table", () => {
  const to = (children: readonly PostgresChild[], other: readonly PostgresChild[]) => {
    const connection = { connectionString: "postgres://localhost:1/none" };
    const sinkOf = (children: readonly PostgresChild[]) => postgresSink({ connection, table: "orders", children });
    return () =>
      pipeline("orders", { onReject: "block" })
        .to(sinkOf(children), () => ({}), { name: "one" })
        .to(sinkOf(other), () => ({}), { name: "other" });
  };

  test("must have the same child tables, in any order", () => {
    const { lines, tags, cells } = children;
    expect(to([lines, cells], [cells, lines])).not.toThrow();
    for (const [one, other] of [
      [[lines], []],
      [[lines], [tags]],
      [[cells], [{ ...cells, children: [] }]],
    ] as const) {
      expect(to(one, other)).toThrow(
        expect.objectContaining({
          code: "CONFIG_INVALID",
          message: expect.stringMatching(/\[other\].*route one.*layouts/),
        }),
      );
    }
  });
});
