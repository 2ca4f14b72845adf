// Sends changes of three items through the pipeline, and looks at the targets.

import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { DynamoDB } from "@aws-sdk/client-dynamodb"; // @when dynamodb
import { drainQueue, engineOrSkip } from "@sluice/local";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";
import pg from "pg"; // @when postgres
import { startTargets } from "./targets.ts";

const ada = { initKey: "1", initSort: "1", customer: "Ada", total: 12.5 };
const bob = { initKey: "2", initSort: "1", customer: "Bob", total: 12.5 };
const unfit = { initKey: "3", initSort: "1", total: "12,5 EUR" };
const table = tableHistory({ tableName: "init-table", keyNames: ["initKey", "initSort"] });
const changes = [table.put(ada), table.put(bob), table.put({ ...bob, total: 7 }), table.remove(ada), table.put(unfit)];

const describeWithTargets = await engineOrSkip({ describe, test, afterAll: after }, startTargets);

describeWithTargets("the pipeline init-name", (targets) => {
  let pipeline: typeof import("../src/pipeline.ts"); // reads the variables that the targets have set

  before(async () => {
    pipeline = await import("../src/pipeline.ts");
    await (await import("../src/ensure.ts")).handler(); // @when ensure
    // @when dynamodb
    await pipeline.copies.ensure({
      create: {
        partitionKey: { name: "initKey", type: "S" },
        sortKey: { name: "initSort", type: "S" },
      },
    });
    // @end
    await pipeline.dedupeStore.ensure(); // @when append
    const { handler } = await import("../src/handler.ts");
    assert.deepEqual(await handler(streamEvent(changes), lambdaContext()), { batchItemFailures: [] });
  });

  after(async () => {
    for (const { sink } of pipeline.initNamePipeline.routes) await sink.close?.();
    await pipeline.dedupeStore.close(); // @when append
  });

  // @when postgres
  test("writes rows", async () => {
    const client = new pg.Client(targets.postgres.url);
    client.on("error", () => {}); // the server may close the connection at the end
    await client.connect();
    const { rows } = await client.query('SELECT customer, total FROM "init_name"');
    await client.end();
    assert.deepEqual(rows, [{ customer: "Bob", total: "7" }]);
  });

  // @end
  // @when opensearch
  test("indexes documents", async () => {
    const index = `${targets.opensearch.url}/init-name`;
    await fetch(`${index}/_refresh`, { method: "POST" });
    const found = await fetch(`${index}/_search?q=customer:bob&_source=customer,total`);
    const { hits } = (await found.json()) as { hits: { hits: { _source: unknown }[] } };
    assert.deepEqual(
      hits.hits.map(({ _source }) => _source),
      [{ customer: "Bob", total: 7 }],
    );
  });

  // @end
  // @when dynamodb
  test("copies items", async () => {
    const client = new DynamoDB(targets.dynamodb.clientConfig);
    const { Items = [] } = await client.scan({ TableName: "copies", FilterExpression: "attribute_exists(customer)" });
    client.destroy();
    assert.deepEqual(
      Items.map(({ customer, total }) => [customer, total]),
      [[{ S: "Bob" }, { N: "7" }]],
    );
  });

  // @end
  // @when sqs
  test("sends messages", async () => {
    const messages = await drainQueue(targets.queues, targets.queue);
    const kinds = messages.map(({ body }) => JSON.parse(body).kind);
    assert.deepEqual(kinds.sort(), ["insert", "insert", "modify", "remove"]);
  });

  // @end
  // @when sns
  test("publishes messages", async () => {
    const messages = await drainQueue(targets.queues, targets.subscriber);
    const kinds = messages.map(({ body }) => JSON.parse(body).kind);
    assert.deepEqual(kinds.sort(), ["insert", "insert", "modify", "remove"]);
  });

  // @end
  // @when eventbridge
  test("puts events", () => {
    const events = targets.standIn.bodiesAt("/").flatMap(({ Entries = [] }) => Entries);
    assert.deepEqual(events.map(({ DetailType }) => DetailType).sort(), ["insert", "insert", "modify", "remove"]);
  });

  // @end
  // @when email
  test("sends a mail for each new item", () => {
    const mails = targets.standIn.bodiesAt("/v2/email/outbound-emails");
    const subjects = JSON.stringify(mails).match(/New: \w+/g);
    assert.deepEqual(subjects?.sort(), ["New: Ada", "New: Bob"]);
  });

  // @end
  // @when webhook
  test("calls the endpoint", () => {
    const kinds = targets.standIn.bodiesAt("/hook").map(({ kind }) => kind);
    assert.deepEqual(kinds.sort(), ["insert", "insert", "modify", "remove"]);
  });

  // @end
  test("dead-letters an item that does not fit, once for each target", async () => {
    const letters = await drainQueue(targets.queues, targets.deadLetters);
    assert.deepEqual(
      letters.map(({ body }) => JSON.parse(body).code),
      pipeline.initNamePipeline.routes.map(() => "RECORD_MISMATCH"),
    );
  });
});
