// The pipeline that publishes changes of the table to a topic as events. Programs outside Lambda can also import this
// file.

import { onFailureDestinationReader, type Pipeline, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { snsSink } from "@sluice/sink-sns";
import { required } from "./environment.ts";
import { type Order, toEvent } from "./order-event.ts";

/** The pipeline of the function. */
export const orders: Pipeline<Order> = pipeline<Order>("orders", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
}).to(snsSink({ topicArn: required("ORDER_EVENTS_TOPIC_ARN") }), toEvent);
