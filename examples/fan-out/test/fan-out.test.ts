import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";
import pg from "pg";

const wanted = { postgres: true, opensearch: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const order = (pk: string, total: number, lines = ["tea"]) => ({ pk, type: "order", customer: "c-1", total, lines });
const customer = (pk: string, name: string) => ({ pk, type: "customer", name });

describeWithEngines("one function with three routes", (engines: Engines<typeof wanted>) => {
  let handler: PipelineHandler;
  let pool: pg.Pool;
  const closing: (() => Promise<void>)[] = [];

  /** The example is configured by its environment alone, as in Lambda. */
  beforeAll(async () => {
    const url = await engines.postgres.createDatabase();
    pool = new pg.Pool({ connectionString: url });
    // pg ends a pool before its sockets are closed; the server may say goodbye to them.
    pool.on("error", () => undefined);
    Object.assign(process.env, {
      DATABASE_URL: url,
      OPENSEARCH_NODE: engines.opensearch.url,
      DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:9/queue",
      POWERTOOLS_LOG_LEVEL: "SILENT",
    });
    const { orderRows, customerRows, orderDocuments } = await import("../src/orders.ts");
    for (const sink of [orderRows, customerRows, orderDocuments]) {
      await sink.ensure();
      closing.push(sink.close);
    }
    ({ handler } = await import("../src/handler.ts"));
  });

  afterAll(async () => {
    for (const close of [...closing, () => pool.end()]) await close();
  });

  const documents = async (): Promise<unknown[]> => {
    await fetch(`${engines.opensearch.url}/orders/_refresh`, { method: "POST" });
    const answer = await fetch(`${engines.opensearch.url}/orders/_search?sort=total&_source_excludes=_sluice`);
    const { hits } = (await answer.json()) as { hits: { hits: { _source: unknown }[] } };
    return hits.hits.map(({ _source }) => _source);
  };

  const rows = async (table: string): Promise<unknown[]> =>
    (await pool.query(`SELECT * FROM ${table} ORDER BY pk`)).rows;

  test("sends each kind of item where it belongs, and takes away what leaves", async () => {
    const table = tableHistory({ tableName: "Shop", keyNames: ["pk"] });
    const records = [
      table.put(order("ORDER#1", 10.5)),
      table.put(customer("CUSTOMER#1", "Ada")),
      table.put(order("ORDER#2", 20)),
      table.put(order("ORDER#1", 12.25, ["tea", "milk"])),
      table.put(order("ORDER#3", 30)),
      table.remove({ pk: "ORDER#2" }),
      // An item that changes its kind leaves the routes of the old one.
      table.put(customer("ORDER#3", "was an order")),
    ];
    for (const cut of [records.slice(0, 3), records, records.slice(2, 5)]) {
      expect(await handler(streamEvent(cut), lambdaContext())).toEqual({ batchItemFailures: [] });
    }
    expect(await rows("orders")).toEqual([{ pk: "ORDER#1", customer: "c-1", total: "12.25", lines: ["tea", "milk"] }]);
    expect(await rows("customers")).toEqual([
      { pk: "CUSTOMER#1", name: "Ada" },
      { pk: "ORDER#3", name: "was an order" },
    ]);
    expect(await documents()).toEqual([{ customer: "c-1", total: 12.25, lines: ["tea", "milk"] }]);
  });
});
