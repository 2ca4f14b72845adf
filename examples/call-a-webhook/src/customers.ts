// The pipeline that sends changes of customers to the API of the CRM. Programs outside Lambda can import this file.

import { onFailureDestinationReader, type Pipeline, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { type DynamodbDedupe, dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { webhookSink } from "@sluice/sink-webhook";
import { type Customer, toCall } from "./contact.ts";
import { list, required } from "./environment.ts";

/** Remembers the calls that succeeded, so that a redelivered change causes no second call. */
export const dedupeStore: DynamodbDedupe = dynamodbDedupe({ tableName: required("DEDUPE_TABLE") });

const crm = webhookSink({
  name: "crm",
  url: required("CRM_URL"),
  secrets: list("CRM_SECRETS"),
  headers: { authorization: `Bearer ${required("CRM_TOKEN")}` },
  // The limits in the contract with the CRM. They apply to each execution environment.
  concurrency: 4,
  maxPerSecond: Number(process.env.CALLS_PER_SECOND ?? 20),
  circuitBreaker: { openMs: Number(process.env.CIRCUIT_OPEN_MS ?? 10_000) },
  allowAddresses: list("ALLOW_ADDRESSES"),
});

/** The pipeline of the function. */
export const customers: Pipeline<Customer> = pipeline<Customer>("customers", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
  dedupeStore,
}).to(crm, toCall);
