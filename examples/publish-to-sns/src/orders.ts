// The pipeline: the table's changes, as events on a topic. It can be imported without Lambda.

import { type Pipeline, pipeline, sqsDeadLetter } from "@sluice/core";
import { sns } from "@sluice/sink-sns";
import { required } from "./environment.ts";
import { type Order, toEvent } from "./order-event.ts";

export const orders: Pipeline<Order> = pipeline<Order>("orders", {
  deadLetter: sqsDeadLetter({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
}).to(sns({ topicArn: required("ORDER_EVENTS_TOPIC_ARN") }), toEvent);
