// Route option `removes`: rows of removed items are kept or marked.

import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { streamEvent, tableHistory } from "@sluice/testing";
import { postgresSink } from "../src/index.ts";
import { newDatabase } from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

interface Item {
  readonly total: number;
}

describeWithPostgres("the row of a removed item", (engine) => {
  test("is marked, keeps the mark against repeats, and loses it when the item is inserted again", async () => {
    const database = await newDatabase(engine);
    try {
      await database.sql("CREATE TABLE items (id text PRIMARY KEY, total numeric, deleted_at text)");
      const sink = postgresSink({ pool: database.pool, table: "items", key: { id: "pk" } });
      await sink.ensure();
      const handler = pipeline<Item>("p", { onReject: "block" })
        .to(sink, ({ after: { total } }) => ({ total, deleted_at: null }), {
          removes: { byTtl: "keep", otherwise: ({ before: { total } }) => ({ total, deleted_at: "now" }) },
        })
        .handler();
      const table = tableHistory();
      const keys = { pk: "a", sk: "1" };
      const row = async (...records: ReturnType<typeof table.put>[]): Promise<unknown> => {
        for (const record of records) {
          expect(await handler(streamEvent([record]))).toEqual({ batchItemFailures: [] });
        }
        const [found] = await database.sql("SELECT total::text, deleted_at FROM items");
        return found;
      };
      const first = table.put({ ...keys, total: 1 });
      expect(await row(first, table.remove(keys), first)).toEqual({ total: "1", deleted_at: "now" });
      expect(await row(table.put({ ...keys, total: 2 }))).toEqual({ total: "2", deleted_at: null });
      expect(await row(table.expire(keys))).toEqual({ total: "2", deleted_at: null });
    } finally {
      await database.close();
    }
  });
});
