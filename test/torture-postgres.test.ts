// Runs the cases of the torture table that depend on the guard or the types of a target, on a real Postgres, with the
// whole handler and both guards. test/torture.test.ts runs all cases with memory sinks.

import { afterAll, describe, expect, test } from "@jest/globals";
import { type PipelineHandler, pipeline, type UnknownItem } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import type { Image, StreamRecord } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresPool, type PostgresRow, postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, type PlainItem, sqsEvent, streamEvent, streamRecord, tableHistory } from "@sluice/testing";
import pg from "pg";

const quiet = { info: () => undefined, warn: () => undefined };
const fast = { maxAttempts: 2, firstDelayMs: 0 };

const item = (pk: string, revision: number, more: PlainItem = {}): PlainItem => ({ pk, sk: "1", revision, ...more });
const keys = (pk: string): PlainItem => ({ pk, sk: "1" });

const columns = {
  pk: "text",
  sk: "text",
  revision: "integer",
  note: "text",
  amount: "numeric",
  bytes: "bytea",
  tags: "text[]",
  body: "jsonb",
};

/** The table of the list `parts`, for which a mapper returns the revision and a last part. */
const child = { table: "parts", of: "parts", position: "part" };

const toRow = (after: UnknownItem): PostgresRow => {
  const { pk: _pk, sk: _sk, ...row } = after;
  const parts = row.revision === undefined ? [] : [{ name: String(row.revision) }, { name: "last" }];
  return { ...row, parts } as unknown as PostgresRow;
};

/** Items whose parts are not those of their revision, and parts without an item. */
const torn = `SELECT pk, sk FROM (SELECT pk, sk, array_agg(name ORDER BY part) AS names FROM parts GROUP BY 1, 2) AS p
  FULL JOIN items AS i USING (pk, sk)
  WHERE names IS DISTINCT FROM CASE WHEN revision IS NOT NULL THEN ARRAY[revision::text, 'last'] END`;

/** The two ways to define a row: a mapper, or declared columns. */
const ways = ["mapper", "columns"] as const;

interface Stage {
  readonly handler: PipelineHandler;
  readonly deadLetters: Envelope[];
  readonly invoke: (records: readonly StreamRecord[]) => Promise<string[]>;
  readonly redrive: () => Promise<string[]>;
  /** Returns the rows that users of the table see, as text, in the order of their keys. */
  readonly rows: (list?: string) => Promise<Record<string, string | null>[]>;
  /** If true, Postgres refuses new connections. */
  readonly setDown: (isDown: boolean) => void;
}

const identifiers = ({ batchItemFailures }: Awaited<ReturnType<PipelineHandler>>): string[] =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("the torture table on Postgres", (engine) => {
  const pools = new Set<pg.Pool>();
  const poolOf = (url: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    pool.on("error", () => undefined);
    pools.add(pool);
    return pool;
  };
  afterAll(async () => {
    await Promise.all([...pools].map((pool) => pool.end()));
  });

  const openWith = async (
    hasChildren: boolean,
    guard: PostgresGuard,
    way: (typeof ways)[number] = "mapper",
  ): Promise<Stage> => {
    const url = await engine.createDatabase();
    const real = poolOf(url);
    // No server listens on port 1, so connections to this port are refused.
    const refused = poolOf(url.replace(/:\d+\//, ":1/"));
    let isDown = false;
    const pool: PostgresPool = {
      connect: () => (isDown ? refused : real).connect(),
      end: async () => undefined,
      options: { max: 4 },
    };
    const options = { pool, table: "items", guard, key: ["pk", "sk"], splitFrom: 2 };
    const childrenWith = <Columns>(list: Columns) => (hasChildren ? { children: [{ ...child, columns: list }] } : {});
    const declared = postgresSink({ ...options, columns, ...childrenWith({ name: "text" }) });
    await declared.ensure();
    const deadLetters: Envelope[] = [];
    const deadLetterQueue = {
      write: async (envelopes: readonly Envelope[]) => {
        deadLetters.push(...envelopes);
        return { stored: new Set(envelopes), errors: [] };
      },
    };
    const base = pipeline("torture", { deadLetterQueue, logger: quiet, retry: fast });
    const routed =
      way === "columns"
        ? base.to(declared)
        : base.to(
            postgresSink({ ...options, columns: Object.keys(columns), ...childrenWith(["name"]) }),
            ({ after }) => {
              const { parts, ...row } = toRow(after);
              return hasChildren ? { ...row, parts } : row;
            },
          );
    const handler = routed.handler();
    return {
      handler,
      deadLetters,
      invoke: async (records) => identifiers(await handler(streamEvent(records), lambdaContext())),
      redrive: async () => identifiers(await handler(sqsEvent(deadLetters), lambdaContext())),
      rows: async (list = "pk, revision::text") => {
        if (hasChildren) expect((await real.query(torn)).rows).toEqual([]);
        return (await real.query<Record<string, string | null>>(`SELECT ${list} FROM items ORDER BY pk, sk`)).rows;
      },
      setDown: (next) => {
        isDown = next;
      },
    };
  };

  const shapes = (["version-table", "inline"] as const).flatMap((guard) => [
    { guard, hasChildren: false },
    { guard, hasChildren: true },
  ]);
  describe.each(shapes)("with the $guard guard, with children: $hasChildren", ({ guard, hasChildren }) => {
    const open = (one: PostgresGuard, way?: (typeof ways)[number]) => openWith(hasChildren, one, way);

    test("after parallel invocations with changes of one item, the item has the last change", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      const records = Array.from({ length: 40 }, (_, index) => table.put(item(`item-${index % 4}`, index)));
      await Promise.all(records.map((record) => stage.invoke([record])));
      expect((await stage.rows()).map(({ revision }) => revision)).toEqual(["36", "37", "38", "39"]);
    });

    test("after a remove and an insert of the same key in one batch, the item exists", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      await stage.invoke([table.put(item("a", 1))]);
      expect(await stage.invoke([table.remove(keys("a")), table.put(item("a", 2))])).toEqual([]);
      expect(await stage.rows()).toEqual([{ pk: "a", revision: "2" }]);
    });

    test("replays of old changes do not overwrite newer ones, even with shorter sequence numbers or from an older stream", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      const old = Array.from({ length: 12 }, (_, index) => table.put(item("a", index + 1)));
      await stage.invoke(old);
      await stage.invoke(old.slice(8, 9));
      expect(await stage.rows()).toEqual([{ pk: "a", revision: "12" }]);
      table.recreateStream("2026-03-04T05:06:07.890");
      await stage.invoke([table.put(item("a", 13))]);
      for (const record of old) await stage.invoke([record]);
      expect(await stage.rows()).toEqual([{ pk: "a", revision: "13" }]);
    });

    test("a replay after a delete, by a user or by TTL, does not resurrect the item; a new insert does", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      const [a, b] = [table.put(item("a", 1)), table.put(item("b", 2))];
      await stage.invoke([a, b]);
      await stage.invoke([table.remove(keys("a")), table.expire(keys("b"))]);
      await stage.invoke([a, b]);
      expect(await stage.rows()).toEqual([]);
      await stage.invoke([table.put(item("a", 3))]);
      expect(await stage.rows()).toEqual([{ pk: "a", revision: "3" }]);
    });

    test("an insert that arrives after its delete does not resurrect the item", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      const late = table.put(item("a", 1));
      expect(await stage.invoke([table.remove(keys("a"))])).toEqual([]);
      await stage.invoke([late]);
      expect(await stage.rows()).toEqual([]);
    });

    test("a removed attribute becomes NULL", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      await stage.invoke([table.put(item("a", 1, { note: "here", amount: 5 }))]);
      await stage.invoke([table.put(item("a", 2, { amount: 5 }))]);
      expect(await stage.rows("note, amount::text")).toEqual([{ note: null, amount: "5" }]);
    });

    test.each([
      ["text with NUL", { note: "a\0b" }],
      ["half of a surrogate pair", { note: "\ud800" }],
      ["a type that its column refuses", { amount: "not a number" }],
    ])("one bad record of three, %s, is dead-lettered whole, and the others are delivered", async (_, bad) => {
      const stage = await open(guard);
      const table = tableHistory();
      const records = [table.put(item("a", 1)), table.put(item("b", 2, bad)), table.put(item("c", 3))];
      expect(await stage.invoke(records)).toEqual([]);
      expect(await stage.rows()).toEqual([
        { pk: "a", revision: "1" },
        { pk: "c", revision: "3" },
      ]);
      expect(stage.deadLetters).toMatchObject([{ sink: "postgres", code: "SINK_REJECTED", record: records[1] }]);
    });

    test("a bad last change does not hide the good change before it, and its late redrive does not overwrite a later change", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      const [good, bad] = [table.put(item("a", 1)), table.put(item("a", 2, { amount: "not a number" }))];
      await stage.invoke([good, bad]);
      expect(await stage.rows()).toEqual([{ pk: "a", revision: "1" }]);
      await stage.invoke([table.put(item("a", 3))]);
      // Postgres still rejects the change, so the message stays in the dead-letter queue.
      expect(await stage.redrive()).toHaveLength(1);
      expect(await stage.rows()).toEqual([{ pk: "a", revision: "3" }]);
    });

    test("composite keys with the same concatenation stay two rows", async () => {
      const stage = await open(guard);
      await stage.invoke([
        streamRecord({ after: { pk: "a#b", sk: "c", revision: 1 }, position: 1 }),
        streamRecord({ after: { pk: "a", sk: "b#c", revision: 2 }, position: 2 }),
      ]);
      expect(await stage.rows("pk, sk, revision::text")).toEqual([
        { pk: "a", sk: "b#c", revision: "2" },
        { pk: "a#b", sk: "c", revision: "1" },
      ]);
    });

    test("while the database is down every record is reported and not dead-lettered, and every record arrives later", async () => {
      const stage = await open(guard);
      const table = tableHistory();
      const records = [table.put(item("a", 1)), table.put(item("b", 2))];
      stage.setDown(true);
      expect(await stage.invoke(records)).toEqual(records.map(({ dynamodb }) => dynamodb?.SequenceNumber));
      stage.setDown(false);
      expect(await stage.invoke(records)).toEqual([]);
      expect(stage.deadLetters).toEqual([]);
      expect(await stage.rows()).toEqual([
        { pk: "a", revision: "1" },
        { pk: "b", revision: "2" },
      ]);
    });

    test.each(ways)("2^53+1, 38 digits, 1.5E100, sets and binary arrive exactly by %s", async (way) => {
      const stage = await open(guard, way);
      const digits = "12345678901234567890123456789012345678";
      const image: Image = {
        pk: { S: "a" },
        sk: { S: "1" },
        amount: { N: digits },
        bytes: { B: "AAEC/w==" },
        tags: { SS: ["b", "a"] },
        body: {
          M: { beyond: { N: "9007199254740993" }, wide: { N: "1.5E+100" }, digits: { N: `-0.${digits.slice(1)}` } },
        },
      };
      const record = streamRecord({ after: keys("a") });
      await stage.invoke([{ ...record, dynamodb: { ...record.dynamodb, NewImage: image } }]);
      const list =
        "amount::text, encode(bytes, 'hex') AS bytes, ARRAY(SELECT unnest(tags) ORDER BY 1)::text AS tags, body->>'beyond' AS beyond, (body->'wide')::numeric = 1.5e100 AS wide, body->>'digits' AS digits";
      expect(await stage.rows(list)).toEqual([
        {
          amount: digits,
          bytes: "000102ff",
          tags: "{a,b}",
          beyond: "9007199254740993",
          wide: true,
          digits: `-0.${digits.slice(1)}`,
        },
      ]);
    });
  });
});
