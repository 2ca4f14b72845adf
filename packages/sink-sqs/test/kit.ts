// Runs the conformance kit for the sink, on any engine that serves SQS.

import { describe, test } from "@jest/globals";
import type { AppendDelivery } from "@sluice/core/sink-kit";
import { type AppendConformance, conforms } from "@sluice/testing";
import { encode } from "../src/encode.ts";
import { type SqsMessage, type SqsSinkOptions, sqsSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";
import type { SqsTarget } from "./target.ts";

const url = "https://sqs.us-east-1.amazonaws.com/123456789012/orders";

const badOptions: AppendConformance<SqsMessage>["badOptions"] = {
  queueUrl: () => sqsSink({ queueUrl: "orders" }),
  client: () => sqsSink({ queueUrl: url, client: {} as never }),
  concurrency: () => sqsSink({ queueUrl: url, concurrency: 0 }),
  name: () => sqsSink({ queueUrl: url, name: "" }),
};

/** Whose client sends: the sink's own, which writes requests without the SDK, or a user's. */
export type ClientOwner = "sink" | "user";

const open = async (target: SqsTarget, suffix: ".fifo" | undefined, owner: ClientOwner) => {
  const queueUrl = await target.createQueue(suffix);
  const ofUser: SqsSinkOptions = { queueUrl, client: target.client };
  const options = owner === "user" ? ofUser : { queueUrl: target.proxiedUrl(queueUrl) };
  target.proxy.reset();
  const arrived: { readonly message: unknown; readonly idempotencyKey: string }[] = [];
  return {
    sink: sqsSink(options),
    toMessage: ({ version, kind, after }: { version: string; kind: string; after: unknown }): SqsMessage => ({
      body: { version, kind, after },
      attributes: { kind },
    }),
    read: async () => {
      for (const { body, attributes } of await target.drain(queueUrl)) {
        const { "idempotency-key": idempotencyKey = "", "sluice-version": _, ...own } = attributes;
        arrived.push({ message: { body: JSON.parse(body) as unknown, attributes: own }, idempotencyKey });
      }
      return arrived;
    },
    requests: target.proxy.requests,
    fail: target.fail,
    endFault: () => target.fail(undefined),
    close: () => undefined,
    members: ["messageGroupId", "delaySeconds", "traceHeader"],
  };
};

/** Declares the cases of the kit for a standard or a FIFO queue. */
export const conformsOn = (
  target: SqsTarget,
  suffix: ".fifo" | undefined,
  owner: ClientOwner,
  skip: AppendConformance<SqsMessage>["skip"] = {},
): void => {
  const settings = checkOptions({ queueUrl: `${url}${suffix ?? ""}` });
  const sizeOf = (delivery: unknown): number => encode(delivery as AppendDelivery<SqsMessage>, settings).bytes;
  conforms(
    { describe, test },
    {
      writes: "append",
      name: `${suffix === undefined ? "a standard queue" : "a FIFO queue"} with a client of the ${owner}'s`,
      limits: { maxEntries: 10, maxBytes: { total: 1_048_576, sizeOf } },
      skip,
      badOptions,
      open: () => open(target, suffix, owner),
    },
  );
};
