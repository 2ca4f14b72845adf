// Plays the steps of docs/deploying.md on a real Postgres: an old and a new version of a function, before and after
// `ensure()`, and messages of a route that was renamed.

import { setTimeout as sleep } from "node:timers/promises";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type PipelineHandler, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";
import pg from "pg";

const wanted = { postgres: true, sqs: true } as const;
const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

describeWithEngines("docs/deploying.md", (engines: Engines<typeof wanted>) => {
  const sqs = new SQS(engines.sqs.clientConfig);
  let pool: pg.Pool;
  let dead: string;
  let retries: string;

  beforeAll(async () => {
    process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
    pool = new pg.Pool({ connectionString: await engines.postgres.createDatabase() });
    // `pool.end()` does not wait until all sockets are closed, so the server may still send an error.
    pool.on("error", () => undefined);
    dead = (await sqs.createQueue({ QueueName: "dead" })).QueueUrl ?? "";
    retries = (await sqs.createQueue({ QueueName: "retries", Attributes: { VisibilityTimeout: "0" } })).QueueUrl ?? "";
  });

  afterAll(async () => {
    await pool.end();
    sqs.destroy();
  });

  const sinkWith = (table: string, ...columns: string[]): MappedPostgresSink =>
    postgresSink({
      pool,
      table,
      key: ["id"],
      columns: { id: "text", ...Object.fromEntries(columns.map((name) => [name, "text"])) },
    });

  const deployed = (sink: MappedPostgresSink): PipelineHandler =>
    pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl: dead, client: sqs }) })
      .to(sink)
      .handler();

  const rows = async (table: string): Promise<unknown[]> => (await pool.query(`SELECT * FROM ${table}`)).rows;

  test("a new column: code before ensure() waits, and old and new code run at once", async () => {
    const table = tableHistory({ keyNames: ["id"] });
    const deliver = (handler: PipelineHandler, record: Parameters<typeof streamEvent>[0][number]) =>
      handler(streamEvent([record]), lambdaContext());
    const oldSink = sinkWith("orders", "total");
    const newSink = sinkWith("orders", "total", "note");
    await oldSink.ensure();
    const [oldCode, newCode] = [deployed(oldSink), deployed(newSink)];

    const first = table.put({ id: "o-1", total: "1", note: "a" });
    const waiting = await deliver(newCode, first);
    expect(waiting.batchItemFailures).toHaveLength(1);
    expect(await rows("orders")).toEqual([]);

    await newSink.ensure();
    expect((await deliver(newCode, first)).batchItemFailures).toEqual([]);
    expect(await rows("orders")).toEqual([{ id: "o-1", total: "1", note: "a" }]);

    const second = table.put({ id: "o-1", total: "2", note: "b" });
    expect((await deliver(oldCode, second)).batchItemFailures).toEqual([]);
    expect((await deliver(newCode, second)).batchItemFailures).toEqual([]);
    expect(await rows("orders")).toEqual([{ id: "o-1", total: "2", note: "a" }]);

    expect((await deliver(newCode, table.put({ id: "o-1", total: "3", note: "c" }))).batchItemFailures).toEqual([]);
    expect(await rows("orders")).toEqual([{ id: "o-1", total: "3", note: "c" }]);

    // A rollback, and then a column that was dropped while old code still names it.
    expect((await deliver(oldCode, table.put({ id: "o-1", total: "4" }))).batchItemFailures).toEqual([]);
    await pool.query("ALTER TABLE orders DROP COLUMN note");
    const fifth = table.put({ id: "o-1", total: "5" });
    expect((await deliver(newCode, fifth)).batchItemFailures).toHaveLength(1);
    expect((await deliver(oldCode, fifth)).batchItemFailures).toEqual([]);
    expect(await rows("orders")).toEqual([{ id: "o-1", total: "5" }]);
  });

  test("messages of a route that was renamed wait until the route has its name again", async () => {
    const sink = sinkWith("customers", "name");
    const named = (name: string): PipelineHandler =>
      pipeline("customers", {
        deadLetterQueue: sqsDeadLetterQueue({ queueUrl: dead, client: sqs }),
        retryQueue: sqsRetryQueue({ queueUrl: retries, client: sqs }),
      })
        .to(sink, { name })
        .handler();
    const record = tableHistory({ keyNames: ["id"] }).put({ id: "c-1", name: "Ada" });
    expect((await named("rows")(streamEvent([record]), lambdaContext())).batchItemFailures).toEqual([]);

    let body = "";
    for (let tries = 0; body === "" && tries < 300; tries++) {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: retries });
      body = Messages[0]?.Body ?? "";
      if (body === "") await sleep(100);
    }
    const message = {
      messageId: "m-1",
      receiptHandle: "r-1",
      body,
      attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
      messageAttributes: {},
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:retries",
      awsRegion: "us-east-1",
    };
    await sink.ensure();
    const renamed = await named("customer-rows")({ Records: [message] } as never, lambdaContext());
    expect(renamed.batchItemFailures).toEqual([{ itemIdentifier: "m-1" }]);
    expect(await rows("customers")).toEqual([]);

    const again = await named("rows")({ Records: [message] } as never, lambdaContext());
    expect(again.batchItemFailures).toEqual([]);
    expect(await rows("customers")).toEqual([{ id: "c-1", name: "Ada" }]);
  });
});
