// A dry run must call the sink's own `dryRun`, even if core wraps the sink to add leases.

import { describe, expect, test } from "@jest/globals";
import { lambdaContext, memoryDedupe, sqsEvent, streamRecord } from "@sluice/testing";
import type { Envelope } from "../src/envelope.ts";
import { pipeline } from "../src/index.ts";
import { failed, type Sink, SinkError } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";

/** A sink that is an instance of a class. Its `dryRun` fails if core calls it without `this`. */
class RefusingSink implements Sink<unknown, "append"> {
  readonly name = "mail";
  readonly supports = { writes: "append" } as const;
  readonly error = new SinkError("SINK_TOO_LARGE", "[mail] too large");
  writes = 0;

  write: Sink<unknown, "append">["write"] = async (batch) => {
    this.writes += 1;
    return batch.map((delivery) => failed(delivery, this.error));
  };

  async dryRun(batch: Parameters<Sink<unknown, "append">["write"]>[0]) {
    return batch.map((delivery) => failed(delivery, this.error));
  }
}

const envelope: Envelope = {
  v: 1,
  id: "event:mail",
  pipeline: "orders",
  sink: "mail",
  code: "SINK_TOO_LARGE",
  message: "too large",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: streamRecord({ after: { pk: "a", sk: "1" } }),
};

describe("a dry run", () => {
  test.each(["always", "none"] as const)("with dedupe %s returns the rejections of the sink", async (dedupe) => {
    const sink = new RefusingSink();
    const store = memoryDedupe();
    const handler = pipeline("orders", {
      deadLetterQueue: memoryDeadLetterQueue(),
      dedupeStore: store,
      logger: recordingLogger(),
    })
      .to(sink, ({ after }) => after, { dedupe })
      .handler();
    const event = { ...sqsEvent([envelope]), sluice: { task: "redrive", dryRun: true } };
    const { outcomes = [], batchItemFailures } = await handler(event, lambdaContext());
    expect(outcomes.map(({ outcome, code }) => [outcome, code])).toEqual([["rejected", "SINK_TOO_LARGE"]]);
    expect(batchItemFailures).toEqual([]);
    expect(sink.writes).toBe(0);
    expect(store.counts().leases).toBe(0);
  });
});
