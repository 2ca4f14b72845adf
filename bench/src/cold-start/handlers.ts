// The handlers whose bundles and cold starts are measured: a pipeline with core alone, one with each sink, and for each
// pipeline a bare handler with the same client. The programs are texts, because esbuild bundles them.

/** A pipeline, and its bare counterpart. */
export interface HandlerPair {
  readonly name: string;
  readonly pipeline: string;
  readonly bare: string;
}

interface SinkProgram {
  readonly imports: string;
  readonly sink: string;
  readonly map: string;
  /** Options of the route. */
  readonly options?: string;
}

const pipelineWith = ({ imports, sink, map, options = "{}" }: SinkProgram): string => `
import { pipeline, sqsDeadLetterQueue } from "@sluice/core";
${imports}
const deadLetterQueue = sqsDeadLetterQueue({ queueUrl: process.env.DEAD_LETTER_QUEUE_URL });
export const handler = pipeline("orders", { deadLetterQueue }).to(${sink}, (change) => (${map}), ${options}).handler();
`;

/** A bare handler: `send` takes the new images as plain objects, in the order of the event. */
const bareWith = (imports: string, client: string, send: string): string => `
${imports}
const client = ${client};
const plain = ({ eventID, dynamodb: { NewImage: { pk, title } } }) => ({ id: eventID, pk: pk.S, title: title.S });
export const handler = async ({ Records }) => {
  const items = Records.map(plain);
  ${send}
  return { batchItemFailures: [] };
};
`;

/** The measurement needs no store of sent deliveries. */
const withoutDedupe = '{ dedupe: "none" }';

const item = "{ pk: change.after.pk, title: change.after.title }";

/** Core alone, and each sink, in the order of the tables. */
export const handlerPairs: readonly HandlerPair[] = [
  {
    name: "core",
    pipeline: pipelineWith({
      imports: 'import { delivered } from "@sluice/core/sink-kit";',
      sink: '{ name: "empty", supports: { writes: "upsert" }, write: async (batch) => batch.map(delivered) }',
      map: item,
    }),
    bare: `
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { Logger } from "@aws-lambda-powertools/logger";
const logger = new Logger({ serviceName: "orders" });
const processor = new BatchProcessor(EventType.DynamoDBStreams);
export const handler = async (event, context) => {
  const response = await processPartialResponse(event, async () => undefined, processor, { context });
  logger.info("batch", { records: event.Records.length });
  return response;
};
`,
  },
  {
    name: "postgres",
    pipeline: pipelineWith({
      imports: 'import { postgresSink } from "@sluice/sink-postgres";',
      sink: 'postgresSink({ connection: { connectionString: process.env.DATABASE_URL }, table: "orders", key: { pk: "pk" }, columns: ["title"] })',
      map: "{ title: change.after.title }",
    }),
    bare: bareWith(
      'import pg from "pg";',
      `new pg.Pool({ connectionString: process.env.DATABASE_URL })
  .on("error", () => undefined)`,
      'await client.query("INSERT INTO bare SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (pk) DO UPDATE SET title = excluded.title", [items.map(({ pk }) => pk), items.map(({ title }) => title)]);',
    ),
  },
  {
    name: "opensearch",
    pipeline: pipelineWith({
      imports: 'import { opensearchSink } from "@sluice/sink-opensearch";',
      sink: 'opensearchSink({ node: process.env.OPENSEARCH_NODE, index: "orders" })',
      map: item,
    }),
    bare: bareWith(
      'import { Client } from "@opensearch-project/opensearch";',
      "new Client({ node: process.env.OPENSEARCH_NODE })",
      'await client.bulk({ index: "orders", body: items.flatMap(({ id, ...item }) => [{ index: { _id: item.pk } }, item]) });',
    ),
  },
  {
    name: "sns",
    pipeline: pipelineWith({
      imports: 'import { snsSink } from "@sluice/sink-sns";',
      sink: "snsSink({ topicArn: process.env.TOPIC_ARN })",
      map: "{ body: { title: change.after.title } }",
      options: withoutDedupe,
    }),
    bare: bareWith(
      'import { SNS } from "@aws-sdk/client-sns";',
      "new SNS({ maxAttempts: 1 })",
      "await client.publishBatch({ TopicArn: process.env.TOPIC_ARN, PublishBatchRequestEntries: items.map(({ title }, index) => ({ Id: String(index), Message: title })) });",
    ),
  },
  {
    name: "sqs",
    pipeline: pipelineWith({
      imports: 'import { sqsSink } from "@sluice/sink-sqs";',
      sink: "sqsSink({ queueUrl: process.env.QUEUE_URL })",
      map: "{ body: { title: change.after.title } }",
      options: withoutDedupe,
    }),
    bare: bareWith(
      'import { SQS } from "@aws-sdk/client-sqs";',
      "new SQS({ maxAttempts: 1 })",
      "await client.sendMessageBatch({ QueueUrl: process.env.QUEUE_URL, Entries: items.map(({ title }, index) => ({ Id: String(index), MessageBody: title })) });",
    ),
  },
  {
    name: "dynamodb",
    pipeline: pipelineWith({
      imports: 'import { dynamodbSink } from "@sluice/sink-dynamodb";',
      sink: 'dynamodbSink({ table: "copies" })',
      map: item,
    }),
    bare: bareWith(
      'import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";',
      "new DynamoDBClient({ maxAttempts: 1 })",
      'await Promise.all(items.map(({ pk, title }) => client.send(new PutItemCommand({ TableName: "copies", Item: { pk: { S: pk }, title: { S: title } } }))));',
    ),
  },
  {
    name: "email-ses",
    pipeline: pipelineWith({
      imports: 'import { emailSink, sesTransport } from "@sluice/sink-email";',
      sink: 'emailSink({ transport: sesTransport(), from: { name: "Shop", address: "shop@example.com" } })',
      map: '{ to: "ada@example.com", subject: "Order", text: change.after.title }',
      options: withoutDedupe,
    }),
    bare: bareWith(
      'import { SESv2 } from "@aws-sdk/client-sesv2";',
      "new SESv2({ maxAttempts: 1 })",
      'await Promise.all(items.map(({ title }) => client.sendEmail({ FromEmailAddress: "shop@example.com", Destination: { ToAddresses: ["ada@example.com"] }, Content: { Simple: { Subject: { Data: "Order" }, Body: { Text: { Data: title } } } } })));',
    ),
  },
  {
    name: "email-smtp",
    pipeline: pipelineWith({
      imports: 'import { emailSink, smtpTransport } from "@sluice/sink-email";',
      sink: 'emailSink({ transport: smtpTransport({ host: "127.0.0.1", port: Number(process.env.SMTP_PORT ?? 25) }), from: { name: "Shop", address: "shop@example.com" } })',
      map: '{ to: "ada@example.com", subject: "Order", text: change.after.title }',
      options: withoutDedupe,
    }),
    bare: bareWith(
      'import { createTransport } from "nodemailer";',
      'createTransport({ host: "127.0.0.1", port: Number(process.env.SMTP_PORT ?? 25), ignoreTLS: true, pool: true })',
      'await Promise.all(items.map(({ title }) => client.sendMail({ from: "shop@example.com", to: "ada@example.com", subject: "Order", text: title })));',
    ),
  },
  {
    name: "eventbridge",
    pipeline: pipelineWith({
      imports: 'import { eventbridgeSink } from "@sluice/sink-eventbridge";',
      sink: 'eventbridgeSink({ source: "shop" })',
      map: '{ detailType: "order", detail: { title: change.after.title } }',
      options: withoutDedupe,
    }),
    bare: bareWith(
      'import { EventBridge } from "@aws-sdk/client-eventbridge";',
      "new EventBridge({ maxAttempts: 1 })",
      'await client.putEvents({ Entries: items.map((item) => ({ Source: "shop", DetailType: "order", Detail: JSON.stringify(item) })) });',
    ),
  },
  {
    name: "webhook",
    pipeline: pipelineWith({
      imports: 'import { webhookSink } from "@sluice/sink-webhook";',
      sink: 'webhookSink({ url: process.env.HOOK_URL, secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allowAddresses: ["127.0.0.1"] })',
      map: "{ body: { title: change.after.title } }",
      options: withoutDedupe,
    }),
    bare: bareWith(
      'import { Agent, request } from "node:http";\nimport { createHmac } from "node:crypto";',
      "new Agent({ keepAlive: true })",
      `await Promise.all(items.map((item) => new Promise((resolve, reject) => {
    const body = JSON.stringify(item);
    const signature = createHmac("sha256", "secret").update(body).digest("base64");
    const call = request(process.env.HOOK_URL, { method: "POST", agent: client, headers: { "webhook-signature": signature } });
    call.on("response", (answer) => answer.resume().on("end", resolve)).on("error", reject).end(body);
  })));`,
    ),
  },
];
