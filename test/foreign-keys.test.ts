// Parents and children of a table with a foreign key, in shards that are read at the same time.

import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import pg from "pg";
import { randomOf } from "./convergence/random.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const seed = Number(process.env.FOREIGN_KEYS_SEED ?? Date.now() % 1_000_000);
const lines = 1_000;
const shardCount = 10;

describeWithPostgres("two routes on tables with a foreign key", (engine) => {
  test(`lose and dead-letter no row, whatever shard is ahead (FOREIGN_KEYS_SEED=${seed})`, async () => {
    const { integer } = randomOf(seed);
    const pool = new pg.Pool({ connectionString: await engine.createDatabase(), max: shardCount });
    pool.on("error", () => undefined);
    await pool.query("CREATE TABLE orders (id text PRIMARY KEY, note text)");
    await pool.query("CREATE TABLE lines (id text PRIMARY KEY, order_id text NOT NULL REFERENCES orders)");
    const orders = postgresSink({ pool, table: "orders", name: "orders" });
    const children = postgresSink({ pool, table: "lines", name: "lines" });
    await orders.ensure();
    await children.ensure();
    const dead: unknown[] = [];
    const handler = pipeline("shop", {
      deadLetterQueue: {
        write: async (letters) => {
          dead.push(...letters);
          return { stored: new Set(letters), errors: [] };
        },
      },
      retry: { maxAttempts: 1 },
      logger: { info: () => undefined, warn: () => undefined },
    })
      .when((item) => item.order === undefined)
      .to(orders, ({ after }) => ({ note: String(after.note) }))
      .when((item) => item.order !== undefined)
      .to(children, ({ after }) => ({ order_id: String(after.order) }))
      .handler();

    // The shards are by item, so that an order and its lines are in any shards; within a shard, time goes forward.
    const shards = Array.from({ length: shardCount }, () => [] as ReturnType<typeof streamRecord>[]);
    let position = 0;
    const put = (item: Readonly<Record<string, unknown>>): void => {
      position += 1;
      shards[integer(shardCount)]?.push(streamRecord({ after: item, keyNames: ["id"], position }));
    };
    for (let line = 0; line < lines; line += 1) {
      const order = `order-${Math.floor(line / 4)}`;
      if (line % 4 === 0) put({ id: order, note: `note ${line}` });
      put({ id: `line-${line}`, order });
    }
    const read = async (shard: ReturnType<typeof streamRecord>[]): Promise<void> => {
      while (shard.length > 0) {
        const batch = shard.slice(0, 1 + integer(20));
        const { batchItemFailures } = await handler(streamEvent(batch), lambdaContext());
        const first = batchItemFailures[0]?.itemIdentifier;
        const failed = batch.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === first);
        shard.splice(0, failed === -1 ? batch.length : failed);
      }
    };
    await Promise.all(shards.map(read));
    expect(dead).toEqual([]);
    const { rows } = await pool.query(
      "SELECT (SELECT count(*) FROM orders)::int AS orders, (SELECT count(*) FROM lines)::int AS lines",
    );
    expect(rows).toEqual([{ orders: lines / 4, lines }]);
    await pool.end();
  });
});
