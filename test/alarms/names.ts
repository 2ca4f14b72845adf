// The names of the resources of the fake world, as the dimensions of metrics have them.

import type { AlarmResource } from "@sluice/rules";

export const tableName = "Orders";

export const names = {
  function: "orders-function",
  mapping: "86ca2b8d-0000-4000-8000-000000000000",
  destination: "arn:aws:s3:::orders-on-failure",
  "dead-letters": "orders-dead-letters",
  "retry-queue": "orders-retries",
  redrive: "arn:aws:states:eu-west-1:123456789012:stateMachine:Redrive",
  verify: "arn:aws:states:eu-west-1:123456789012:stateMachine:Verify",
  "verify-report": "orders-verify-report",
} as const satisfies Readonly<Record<AlarmResource, string>>;
