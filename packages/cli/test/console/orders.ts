// The function of a deployment: its pipeline copies items to another table.

import { pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { dynamodbSink } from "@sluice/sink-dynamodb";

const { DEAD_LETTER_QUEUE_URL: queueUrl = "http://127.0.0.1:1/0/none", TARGET_TABLE: table = "none" } = process.env;

export const orders = pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl }) }).to(
  dynamodbSink({ table, name: "copies" }),
  ({ after }) => after as Record<string, unknown>,
);

export const handler = orders.handler();
