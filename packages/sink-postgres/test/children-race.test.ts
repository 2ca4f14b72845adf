// Writers of one item that meet: a statement with children waits while another writer commits, so its snapshot lacks the
// children that the item then has. It must not write, and must be sent again.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresQuery, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards = ["version-table", "inline"] as const satisfies readonly PostgresGuard[];

type Delivery = UpsertDelivery<Record<string, unknown>>;

const put = (position: number, lines: readonly string[]): Delivery =>
  upsertOf(changeOf({ id: "x" }, position, {}), { id: "x", total: position, lines: lines.map((sku) => ({ sku })) });
const remove = (position: number): Delivery => removalOf(changeOf({ id: "x" }, position));

/** Without the condition on the snapshot, a statement writes although it does not see the current children. */
const withoutSnapshot = (query: PostgresQuery): PostgresQuery => ({
  ...query,
  text: query.text.replace(/AND \(held\."sluice_version", held[^=]*= \([^)]*\)/, ""),
});

const openItem = async (database: Database, guard: PostgresGuard) => {
  const rows = guard === "inline" ? "orders_with_tombstones" : "orders";
  await database.sql(`CREATE TABLE ${rows} (id text PRIMARY KEY, total int);
    CREATE TABLE lines (id text NOT NULL REFERENCES ${rows}, line int NOT NULL, sku text, PRIMARY KEY (id, line))`);
  const options = {
    table: "orders",
    guard,
    children: [{ table: "lines", of: "lines", position: "line", columns: ["sku"] }],
  };
  await postgresSink({ pool: database.pool, ...options }).ensure();
  return options;
};

/** Writes `first` in a transaction that stays open until `second` waits for it. Returns the lines, and the outcomes. */
const race = async (
  database: Database,
  guard: PostgresGuard,
  [before, first, second]: readonly [Delivery | undefined, Delivery, Delivery],
  rewrite: (query: PostgresQuery) => PostgresQuery = (query) => query,
) => {
  const options = await openItem(database, guard);
  const open = postgresSink({ pool: database.pool, ...options });
  if (before !== undefined) await open.write([before] as never, invocation());
  const holder = await database.pool.connect();
  await holder.query("BEGIN");
  const held = { connect: async () => ({ query: (query: never) => holder.query(query), release: () => undefined }) };
  const firstSink = postgresSink({ pool: { ...held, end: async () => undefined } as never, ...options });
  const outcomes = outcomesOf([first], await firstSink.write([first] as never, invocation()));
  const watched = watch(database.pool);
  const rewriting = {
    connect: async () => {
      const client = await watched.connect();
      return { ...client, query: (query: PostgresQuery) => client.query(rewrite(query)) };
    },
    end: async () => undefined,
  };
  const pending = postgresSink({ pool: rewriting, ...options }).write([second] as never, invocation());
  const waits = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  while ((await database.sql(waits)).length === 0);
  await holder.query("COMMIT");
  holder.release();
  outcomes.push(...outcomesOf([second], await pending));
  const lines = await database.sql("SELECT line || sku AS row FROM lines ORDER BY line");
  const statements = watched.queries.filter(({ text }) => text.includes("won AS")).length;
  return { outcomes, lines: lines.map(({ row }) => row), statements };
};

const delivered = ["delivered", "delivered"];

describeWithPostgres("children of an item with two writers", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    const cases = {
      "an insert, then a longer list": [undefined, put(1, ["a", "b", "c"]), put(2, ["a"]), ["0a"]],
      "a list that grows, then shrinks": [put(1, ["a"]), put(2, ["a", "b", "c"]), put(3, ["z"]), ["0z"]],
      "a list that shrinks, then grows": [put(1, ["a", "b"]), put(2, []), put(3, ["a", "b"]), ["0a", "1b"]],
      "a list that changes, then is as before": [put(1, ["a"]), put(2, ["b"]), put(3, ["a"]), ["0a"]],
      "a list that grows, then a removal": [put(1, ["a"]), put(2, ["a", "b"]), remove(3), []],
      "a removal, then a list as before": [put(1, ["a", "b"]), remove(2), put(3, ["a", "b"]), ["0a", "1b"]],
      "an insert, then a removal": [undefined, put(1, ["a"]), remove(2), []],
    } as const;

    test.each(Object.entries(cases))("%s: the newest list remains", async (_, [before, first, second, lines]) => {
      const database = await newDatabase(engine);
      const found = await race(database, guard, [before, first, second]);
      expect(found).toEqual({ outcomes: delivered, lines, statements: 2 });
      await database.close();
    });

    test("a change that is older than that of the other writer is superseded", async () => {
      const database = await newDatabase(engine);
      const found = await race(database, guard, [put(1, ["a"]), put(3, ["c", "d"]), put(2, ["b"])]);
      expect(found.outcomes).toEqual(["delivered", "superseded"]);
      expect(found.lines).toEqual(["0c", "1d"]);
      await database.close();
    });

    test.each(Object.entries(cases))("%s: a statement that ignores its snapshot is found", async (_, one) => {
      const database = await newDatabase(engine);
      const [before, first, second, lines] = one;
      const found = await race(database, guard, [before, first, second], withoutSnapshot);
      // A foreign key also finds the lines that a removal does not see.
      expect(["delivered", "SINK_REFERENCE_MISSING"]).toContain(found.outcomes[1]);
      expect(found.lines).not.toEqual(lines);
      await database.close();
    });
  });
});
