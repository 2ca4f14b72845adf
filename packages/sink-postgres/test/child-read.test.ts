import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { invocation, outcomesOf, watch } from "./support/deliveries.ts";
import { children, family, openFamily, putOrder, removeOrder } from "./support/families.ts";
import { allKeys, canonical, read } from "./support/reads.ts";

const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const order = {
  label: "x",
  lines: [
    { sku: "a", qty: 2, parts: ["p", "q"] },
    { sku: "b", extra: { b: 1, a: [1.5] } },
  ],
  notes: { z: 1, a: { deep: "1.50" } },
};

describeWithPostgres("read with children", (engine) => {
  for (const guard of guards) {
    test(`${guard}: each child is one member with the rows in the order of their keys, as canonical predicts`, async () => {
      const { database, sink } = await openFamily(engine, guard);
      const batch = [putOrder("1", 1, order), putOrder("2", 2, { label: "none" })];
      const predicted = await canonical(sink as never, ...batch);
      expect(predicted).toEqual([
        {
          id: "1",
          label: "x",
          order_lines:
            '[{"line_no":"0","sku":"a","quantity":"2"},{"line_no":"1","sku":"b","extra":"{\\"sa\\":[\\"n15e-1\\"],\\"sb\\":\\"n1e0\\"}"}]',
          line_parts: '[{"line_no":"0","part_no":"0","part":"p"},{"line_no":"0","part_no":"1","part":"q"}]',
          order_notes: expect.stringMatching(/^\[\{"name":"a",.*\{"name":"z","note":"1"\}\]$/),
        },
        { id: "2", label: "none" },
      ]);
      await sink.write(batch as never, invocation());
      const held = await read(sink as never, ...batch);
      expect(held.map((copy) => copy?.content)).toEqual(predicted);
      await database.close();
    });

    test(`${guard}: sorts positions as numbers`, async () => {
      const { database, sink } = await openFamily(engine, guard);
      const delivery = putOrder("1", 1, { lines: Array.from({ length: 12 }, () => ({ sku: "a" })) });
      await sink.write([delivery] as never, invocation());
      const [copy] = await read(sink as never, delivery);
      const lines = JSON.parse(copy?.content?.order_lines ?? "[]") as { line_no: string }[];
      expect(lines.map(({ line_no }) => line_no)).toEqual(Array.from({ length: 12 }, (_, index) => String(index)));
      await database.close();
    });

    const corruptions = {
      "a missing line": "DELETE FROM line_parts; DELETE FROM order_lines WHERE line_no = 1",
      "an extra line": "INSERT INTO order_lines VALUES ('1', 7)",
      "a wrong value": "UPDATE order_lines SET quantity = 3 WHERE line_no = 0",
      "a value instead of NULL": "UPDATE order_lines SET quantity = 0 WHERE line_no = 1",
      "exchanged positions":
        "UPDATE line_parts SET part_no = part_no + 9; UPDATE line_parts SET part_no = 10 - part_no",
      "no lines": "DELETE FROM line_parts; DELETE FROM order_lines",
      "another name": "UPDATE order_notes SET name = 'y' WHERE name = 'z'",
    };
    for (const [what, sql] of Object.entries(corruptions)) {
      test(`${guard}: ${what} makes a difference, which a later write mends`, async () => {
        const { database, sink } = await openFamily(engine, guard);
        await sink.write([putOrder("1", 1, order)] as never, invocation());
        await database.sql(sql);
        const repair = putOrder("1", 2, order);
        const [wanted] = await canonical(sink as never, repair);
        const [before] = await read(sink as never, repair);
        expect(before?.state).toBe("live");
        expect(before?.content).not.toEqual(wanted);
        expect(outcomesOf([repair], await sink.write([repair] as never, invocation()))).toEqual(["delivered"]);
        expect((await read(sink as never, repair))[0]?.content).toEqual(wanted);
        await database.close();
      });
    }

    test(`${guard}: child rows without their parent's row, or of a removed item, are a live copy`, async () => {
      const { database, sink, rows } = await openFamily(engine, guard);
      await sink.write([putOrder("1", 1, order), putOrder("2", 2, order), removeOrder("2", 3)] as never, invocation());
      await database.sql("ALTER TABLE order_lines DROP CONSTRAINT order_lines_order_id_fkey");
      await database.sql("ALTER TABLE order_notes DROP CONSTRAINT order_notes_id_fkey");
      await database.sql(`DELETE FROM ${rows} WHERE id = '1'`);
      await database.sql("INSERT INTO order_lines VALUES ('2', 0), ('3', 0)");
      const states = async (...ids: string[]) =>
        (await read(sink as never, ...ids.map((id) => removeOrder(id, 9)))).map((copy) => copy?.state);
      expect(await states("1", "2", "3", "4")).toEqual(["live", "live", "live", undefined]);
      // With guard inline, the version is in the deleted row.
      const [gone] = await read(sink as never, putOrder("1", 9, order));
      const version = guard === "inline" ? "" : putOrder("1", 1, order).change.version;
      expect(gone).toEqual({ version, state: "live" });
      const repairs = [putOrder("1", 9, order), removeOrder("2", 9), removeOrder("3", 9)];
      expect(outcomesOf(repairs, await sink.write(repairs as never, invocation()))).toEqual(Array(3).fill("delivered"));
      expect(await states("2", "3")).toEqual(["removed", "removed"]);
      expect((await read(sink as never, repairs[0] as never))[0]?.content).toEqual(
        (await canonical(sink as never, repairs[0] as never))[0],
      );
      await database.close();
    });

    test(`${guard}: looks the rows of an item up in the index, without statistics`, async () => {
      const { database, sink } = await openFamily(engine, guard);
      await sink.write([putOrder("1", 1, order)] as never, invocation());
      for (const table of ["order_lines", "line_parts", "order_notes"]) {
        await database.sql(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
      }
      await database.sql(`ALTER TABLE order_lines DROP CONSTRAINT order_lines_order_id_fkey;
        INSERT INTO order_lines SELECT 'o' || n / 5, n % 5, 'x' FROM generate_series(1, 50000) AS n;
        INSERT INTO line_parts SELECT 'o' || n / 5, n % 5, 0 FROM generate_series(1, 50000) AS n;
        ALTER TABLE order_notes DROP CONSTRAINT order_notes_id_fkey;
        INSERT INTO order_notes SELECT 'o' || n / 5, n % 5 FROM generate_series(1, 50000) AS n`);
      const pool = watch(database.pool);
      const watched = postgresSink({ ...family, pool, guard });
      await watched.read?.([putOrder("1", 1, order)] as never, invocation());
      await watched.keys?.({ part: 0, parts: 1, after: undefined, limit: 10, keyTypes: { id: "S" } }, invocation());
      const found = pool.queries.filter(({ text }) => /one WHERE/.test(text));
      expect(found.length).toBe(2);
      for (const { text, values } of found) {
        const plan = JSON.stringify((await database.pool.query(`EXPLAIN ${text}`, [...(values ?? [])])).rows);
        expect(plan).not.toMatch(/Seq Scan on (order_lines|line_parts|order_notes)/);
        if (guard === "inline" || text.includes("json_agg")) expect(plan).toMatch(/order_lines_pkey/);
      }
      await database.close();
    });

    test(`${guard}: a child column that has another type is read with the new one`, async () => {
      const { database, sink } = await openFamily(engine, guard);
      const delivery = putOrder("1", 1, order);
      await sink.write([delivery] as never, invocation());
      const [before] = await read(sink as never, delivery);
      await database.sql("ALTER TABLE order_lines ALTER COLUMN quantity TYPE text USING quantity::text");
      const [after] = await read(sink as never, delivery);
      expect(before?.content?.order_lines).toContain('"quantity":"2"');
      expect(after?.content?.order_lines).toContain('"quantity":"2.00"');
      await database.close();
    });

    test(`${guard}: a value that a child column cannot hold has no content, and the error names table and column`, async () => {
      const { database, sink } = await openFamily(engine, guard);
      const bad = [
        putOrder("1", 1, { lines: [{ sku: "0123456789" }] }),
        putOrder("2", 2, order),
        putOrder("3", 3, { lines: [{ qty: 99_999_999 }] }),
        putOrder("4", 4, { lines: "no list" }),
      ];
      const found = await canonical(sink as never, ...bad);
      expect(found.map((one) => ("code" in one ? one.code : "content"))).toEqual([
        "SINK_REJECTED",
        "content",
        "SINK_REJECTED",
        "SINK_REJECTED",
      ]);
      expect(String(found[0])).toMatch(/order_lines.*"sku"/);
      expect(outcomesOf(bad, await sink.write(bad as never, invocation()))).toEqual(
        found.map((one) => ("code" in one ? one.code : "delivered")),
      );
      await database.close();
    });
  }

  test("inline: a tombstone with child rows is listed as a copy", async () => {
    const { database, sink } = await openFamily(engine, "inline");
    await sink.write([putOrder("1", 1, order), removeOrder("2", 2), removeOrder("3", 3)] as never, invocation());
    await database.sql("INSERT INTO order_lines VALUES ('3', 0)");
    const keys = await allKeys(sink as never, { id: "S" });
    expect(keys.map((held) => held.keys?.id)).toEqual([{ S: "1" }, { S: "3" }]);
    await database.close();
  });

  test("a child with the name of a column has the name of its relation", async () => {
    const named = { ...children[1], table: "label", schema: "public" };
    const { database, sink } = await openFamily(engine, "version-table", { children: [named as never] });
    const delivery = putOrder("1", 1, order);
    await sink.write([delivery] as never, invocation());
    const [copy] = await read(sink as never, delivery);
    expect(Object.keys(copy?.content ?? {})).toEqual(["id", "label", '"public"."label"']);
    await database.close();
  });
});
