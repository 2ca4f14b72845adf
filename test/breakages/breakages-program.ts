// Makes each of the ten common breakages of docs/runbook.md, except the wrong bundle, and prints what the function logs,
// below a line `# <breakage>`.

import { SQS } from "@aws-sdk/client-sqs";
import { pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { startEngines, startFaultyProxy } from "@sluice/local";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";
import pg from "pg";

const engines = await startEngines({ postgres: true, sqs: true });
const sqs = new SQS(engines.sqs.clientConfig);
const admin = new pg.Pool({ connectionString: engines.postgres.url });
admin.on("error", () => undefined);

const createQueue = async (QueueName: string): Promise<string> =>
  (await sqs.createQueue({ QueueName, Attributes: { VisibilityTimeout: "0" } })).QueueUrl ?? "";
const deadLetters = await createQueue("dead-letters");
const retries = await createQueue("retries");

/** A queue that holds as many messages as SQS allows. */
const overLimit = JSON.stringify({ __type: "com.amazonaws.sqs#OverLimit", message: "Too many messages in flight" });
const full = await startFaultyProxy(engines.sqs.endpoint, {
  throttle: { status: 403, headers: { "content-type": "application/x-amz-json-1.0" }, body: overLimit },
});
full.fail("throttle");
const fullQueues = new SQS({ ...engines.sqs.clientConfig, endpoint: full.endpoint, maxAttempts: 1 });

const sinkAt = (change: (url: URL) => void = () => undefined, name = "postgres"): MappedPostgresSink => {
  const url = new URL(engines.postgres.url);
  change(url);
  const columns = { id: "text", total: "numeric" };
  return postgresSink({ connection: { connectionString: url.href }, table: "orders", key: ["id"], columns, name });
};

const options = { deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetters, client: sqs }) };
const table = tableHistory({ keyNames: ["id"] });
let count = 0;

/** Delivers one item to the sink. */
const breakage = async (name: string, sink: MappedPostgresSink, item: object = {}, more: object = {}) => {
  console.log(`# ${name}`);
  count += 1;
  const handler = pipeline("orders", { ...options, ...more })
    .to(sink)
    .handler();
  await handler(streamEvent([table.put({ id: `o-${count}`, total: 1, ...item })]), lambdaContext());
  await sink.close();
};

/** Gives a message to the handler of the present pipeline, as the queue's event source mapping does. */
const consume = async (name: string, body: string) => {
  console.log(`# ${name}`);
  const sink = sinkAt();
  const message = {
    messageId: "m-1",
    receiptHandle: "r-1",
    body,
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
    messageAttributes: {},
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:dead-letters",
    awsRegion: "us-east-1",
  };
  await pipeline("orders", options).to(sink).handler()({ Records: [message] } as never, lambdaContext());
  await sink.close();
};

/** The newest dead letter. */
const letter = async (): Promise<string> => {
  const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: deadLetters, MaxNumberOfMessages: 10 });
  return Messages.map(({ Body = "" }) => Body).find((body) => body.includes('"sink":"old"')) ?? "";
};

await breakage("no table", sinkAt());
await breakage(
  "wrong password",
  sinkAt((url) => Object.assign(url, { password: "wrong" })),
);

const owner = sinkAt();
await owner.ensure();
await owner.close();
await admin.query("CREATE ROLE app LOGIN PASSWORD 'app'");
await breakage(
  "no grant",
  sinkAt((url) => Object.assign(url, { username: "app", password: "app" })),
);

await admin.query("ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)");
await breakage("constraint", sinkAt(), { total: -1 });
await breakage(
  "dead server",
  sinkAt((url) => Object.assign(url, { host: "127.0.0.1:1" })),
);
await breakage(
  "full queue",
  sinkAt((url) => Object.assign(url, { host: "127.0.0.1:1" })),
  {},
  {
    retryQueue: sqsRetryQueue({ queueUrl: retries, client: fullQueues }),
  },
);

await breakage("a letter of the route `old`", sinkAt(undefined, "old"), { total: -1 });
const removed = await letter();
await consume("removed route", removed);
await consume("forged letter", removed.replace('"pipeline":"orders"', '"pipeline":"payroll"'));

await admin.query("ALTER TABLE orders DROP COLUMN total");
await breakage("dropped column", sinkAt());

await full.stop();
await admin.end();
for (const client of [sqs, fullQueues]) client.destroy();
await engines.stop();
