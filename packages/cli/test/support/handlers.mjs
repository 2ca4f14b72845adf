// A user's module of handlers, for tests of `--to local`. The sink appends items to the file that DELIVERED names.

import { appendFileSync } from "node:fs";
import { pipeline } from "@sluice/core";
import { delivered } from "@sluice/core/sink-kit";

const note = (line) => appendFileSync(process.env.DELIVERED, `${line}\n`);

const orders = {
  name: "orders",
  supports: { writes: "upsert" },
  write: async (batch) => {
    for (const { message } of batch) note(`${message.pk} ${message.revision}`);
    return batch.map(delivered);
  },
};

const silent = { info: () => undefined, warn: () => undefined };
const shop = pipeline("shop", { onReject: "block", logger: silent }).to(orders, ({ after }) => after);

export const handler = shop.handler();

/** A handler that prints facts about its context and its environment. */
export const speaking = async (event, context) => {
  console.log(
    `called as ${context.functionName} with ${Math.round(context.getRemainingTimeInMillis() / 60_000)} minutes`,
  );
  console.error(`profile ${process.env.AWS_PROFILE}, region ${process.env.AWS_REGION}`);
  console.error(`logs from ${process.env.POWERTOOLS_LOG_LEVEL} on`);
  return handler(event, context);
};

/** A handler that prints before and after its work. Its last output must arrive before its result. */
export const lingering = async (event, context) => {
  console.warn("first words");
  const answer = await handler(event, context);
  console.warn("last words");
  return answer;
};

const holds = (event, text) => event.Records.some(({ body }) => body.includes(text));

/** A handler that ends its process when it gets certain messages. */
export const dying = async (event, context) => {
  if (holds(event, "deadly")) process.exit(3);
  return handler(event, context);
};

/** A handler that throws an error whose message quotes an item. */
export const quoting = async (event, context) => {
  if (holds(event, "deadly")) throw new TypeError("cannot read secret of deadly");
  return handler(event, context);
};

/** A handler that blocks its thread for a time. */
export const blocking = async (event, context) => {
  const end = Date.now() + Number(process.env.BLOCK_MS);
  while (Date.now() < end);
  return handler(event, context);
};

export const hello = () => "hello";
export const nothing = {};
