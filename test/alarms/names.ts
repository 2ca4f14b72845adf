// The names of the resources of the fake world, as the dimensions of metrics have them.

export const names = {
  function: "orders-function",
  mapping: "86ca2b8d-0000-4000-8000-000000000000",
  deadLetters: "orders-dead-letters",
  retries: "orders-retries",
  table: "Orders",
  redrive: "arn:aws:states:eu-west-1:123456789012:stateMachine:Redrive",
} as const;
