// Says to which targets the changes of the table go, and in which form.

import { pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb"; // @when append
import { dynamodbSink } from "@sluice/sink-dynamodb"; // @when dynamodb
import { emailSink, sesTransport } from "@sluice/sink-email"; // @when email
import { eventbridgeSink } from "@sluice/sink-eventbridge"; // @when eventbridge
import { opensearchSink } from "@sluice/sink-opensearch"; // @when opensearch
import { postgresSink } from "@sluice/sink-postgres"; // @when postgres
import { snsSink } from "@sluice/sink-sns"; // @when sns
import { sqsSink } from "@sluice/sink-sqs"; // @when sqs
import { webhookSink } from "@sluice/sink-webhook"; // @when webhook
import { z } from "zod";
import {
  databaseUrl, // @when postgres
  list, // @when webhook
  required,
} from "./environment.ts";

/** The attributes of an item. An item that does not fit becomes a dead letter. Replace the attributes by your own. */
const Item = z.looseObject({
  initKey: z.string(),
  initSort: z.string(),
  customer: z.string().optional(),
  total: z.number().optional(),
});

// @when postgres
/** Writes a row for each item. */
export const rows = postgresSink({
  connection: { connectionString: databaseUrl() },
  table: "init_name",
  key: ["initKey", "initSort"],
  columns: { initKey: "text", initSort: "text", customer: "text", total: "numeric" },
});

// @end
// @when opensearch
const region = process.env.OPENSEARCH_REGION; // set in AWS: requests are signed with the function's credentials

/** Indexes a document for each item. */
export const documents = opensearchSink({
  node: required("OPENSEARCH_NODE"),
  ...(region && { auth: { region } }),
  index: "init-name",
  mappings: { dynamic: "strict", properties: { customer: { type: "text" }, total: { type: "double" } } },
});

// @end
// @when dynamodb
/** Copies each item to another table. */
export const copies = dynamodbSink({ table: required("TARGET_TABLE") });

// @end
// @when append
/** Remembers what was sent, so that no message is sent twice. */
export const dedupeStore = dynamodbDedupe({ tableName: required("DEDUPE_TABLE") });

// @end
// @when sqs
const queue = sqsSink({ queueUrl: required("QUEUE_URL") });
// @end
// @when sns
const topic = snsSink({ topicArn: required("TOPIC_ARN") });
// @end
// @when eventbridge
const bus = eventbridgeSink({ eventBusName: required("EVENT_BUS"), source: "init-name" });
// @end
// @when email
const to = required("MAIL_TO");
const mail = emailSink({ transport: sesTransport(), from: required("MAIL_FROM") });
// @end
// @when webhook
const webhook = webhookSink({
  url: required("WEBHOOK_URL"),
  secrets: list("WEBHOOK_SECRETS"),
  allowAddresses: list("WEBHOOK_ALLOW_ADDRESSES"),
});
// @end
// @when append

// @end
/** The pipeline, with a route to each target. */
export const initNamePipeline = pipeline("init-name", {
  schema: Item,
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL") }),
  dedupeStore, // @when append
})
  .to(rows) // @when postgres
  .to(documents, ({ after: { customer, total } }) => ({ customer, total })) // @when opensearch
  .to(copies) // @when dynamodb
  .to(queue, ({ kind, before, after }) => ({ body: { kind, before, after } })) // @when sqs
  .to(topic, ({ kind, before, after }) => ({ body: { kind, before, after }, attributes: { kind } })) // @when sns
  .to(bus, ({ kind, before, after }) => ({ detailType: kind, detail: { before, after } })) // @when eventbridge
  // @when email
  .to(mail, ({ kind, after }) =>
    kind === "insert" && after ? { to, subject: `New: ${after.customer}`, text: `Total: ${after.total}` } : undefined,
  )
  // @end
  .to(webhook, ({ kind, before, after }) => ({ body: { kind, before, after } })); // @when webhook
