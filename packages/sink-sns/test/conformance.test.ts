// Runs the conformance kit on fauxqs, with a standard topic and a FIFO topic, a user's client and a client of the sink's.

import { afterAll, describe, test } from "@jest/globals";
import type { AppendDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startSqs } from "@sluice/local";
import { type AppendConformance, conforms } from "@sluice/testing";
import { encode } from "../src/encode.ts";
import { type SnsMessage, snsSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";
import { type SnsTarget, startTarget } from "./target.ts";

const describeWithSns = await engineOrSkip({ describe, test, afterAll }, async () => startTarget(await startSqs()));

const arn = "arn:aws:sns:us-east-1:123456789012:orders";

const badOptions: AppendConformance<SnsMessage>["badOptions"] = {
  topicArn: () => snsSink({ topicArn: "orders" }),
  client: () => snsSink({ topicArn: arn, client: {} as never }),
  maxMessageBytes: () => snsSink({ topicArn: arn, maxMessageBytes: 2_000_000 }),
  concurrency: () => snsSink({ topicArn: arn, concurrency: 0 }),
  name: () => snsSink({ topicArn: arn, name: "" }),
};

/** Whose client sends: the sink's own, which writes requests without the SDK, or a user's. */
type ClientOwner = "sink" | "user";

const open = async (target: SnsTarget, suffix: ".fifo" | undefined, owner: ClientOwner) => {
  target.useProxy();
  const { topicArn, drain } = await target.createTopic(suffix);
  target.proxy.reset();
  const arrived: { readonly message: unknown; readonly idempotencyKey: string }[] = [];
  return {
    sink: snsSink({ topicArn, ...(owner === "user" && { client: target.client }) }),
    toMessage: ({ version, kind, after }: { version: string; kind: string; after: unknown }): SnsMessage => ({
      body: { version, kind, after },
      attributes: { kind },
    }),
    read: async () => {
      for (const { body, attributes } of await drain()) {
        const { "idempotency-key": idempotencyKey = "", "sluice-version": _, ...own } = attributes;
        arrived.push({ message: { body: JSON.parse(body) as unknown, attributes: own }, idempotencyKey });
      }
      return arrived;
    },
    requests: target.proxy.requests,
    fail: target.fail,
    endFault: () => target.fail(undefined),
    close: () => undefined,
    members: ["bodyFor", "subject", "messageGroupId"],
  };
};

describeWithSns("on fauxqs", (target) => {
  const owners: readonly ClientOwner[] = ["user", "sink"];
  for (const [suffix, owner] of owners.flatMap((one) => [[undefined, one] as const, [".fifo", one] as const])) {
    const settings = checkOptions({ topicArn: `${arn}${suffix ?? ""}` });
    const sizeOf = (delivery: unknown): number => encode(delivery as AppendDelivery<SnsMessage>, settings).bytes;
    conforms(
      { describe, test },
      {
        writes: "append",
        name: `${suffix === undefined ? "a standard topic" : "a FIFO topic"} with a client of the ${owner}'s`,
        limits: { maxEntries: 10, maxBytes: { total: 262_144, sizeOf } },
        badOptions,
        open: () => open(target, suffix, owner),
      },
    );
  }
});
