// The pipeline that turns changes of the shop's table into mails. Programs outside Lambda can also import this file.

import { onFailureDestinationReader, type Pipeline, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { type DynamodbDedupe, dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { emailSink } from "@sluice/sink-email";
import { required, transport } from "./environment.ts";
import { type Customer, type Item, type Order, receipt, welcome } from "./mails.ts";

/** Remembers which mails were sent, so that no mail is sent twice. */
export const dedupeStore: DynamodbDedupe = dynamodbDedupe({ tableName: required("DEDUPE_TABLE") });

const mail = emailSink({
  transport: transport(),
  from: { name: "The shop", address: required("MAIL_FROM") },
  maxPerSecond: Number(process.env.MAILS_PER_SECOND ?? 10),
  dedupeStore,
});

/** The pipeline of the function. */
export const shop: Pipeline<Item, Order> = pipeline<Item>("shop", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
  dedupeStore,
})
  .when((item): item is Customer => item.type === "customer")
  .to(mail, welcome, { name: "welcome" })
  .when((item): item is Order => item.type === "order")
  .to(mail, receipt, { name: "receipt" });
