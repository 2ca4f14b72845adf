// The lines of the observer `deliveryLog`.

import { expect, test } from "@jest/globals";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { pipeline } from "../src/index.ts";
import { deliveryLog, type Observer } from "../src/metrics.ts";
import { delivered, failed, type Sink, SinkError, superseded } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";

const outcomes = ["delivered", "superseded", "filtered", "rejected", "retried"] as const;
type Outcome = (typeof outcomes)[number];

/** A sink that gives each item the outcome that its key names. */
const sink: Sink<object, "upsert"> = {
  name: "orders",
  supports: { writes: "upsert" },
  write: async (batch) =>
    batch.map((delivery) => {
      const outcome = String(delivery.change.keys.pk).split(" ")[1];
      if (outcome === "rejected") return failed(delivery, new SinkError("SINK_REJECTED", "refused"));
      if (outcome === "retried") return failed(delivery, new SinkError("SINK_DENIED", "denied"));
      return outcome === "superseded" ? superseded(delivery) : delivered(delivery);
    }),
};

const run = async (wanted: readonly Outcome[], observer: Observer): Promise<void> => {
  const records = wanted.map((outcome, index) =>
    streamRecord({ after: { pk: `${index} ${outcome} canary`, sk: "1", secret: "canary" }, position: index + 1 }),
  );
  const handler = pipeline("p", {
    deadLetterQueue: memoryDeadLetterQueue(),
    retry: { maxAttempts: 1 },
    logger: recordingLogger(),
    observers: [observer],
  })
    .to(sink, ({ after }) => (String(after.pk).includes("filtered") ? undefined : (after as object)))
    .handler();
  await handler(streamEvent(records), lambdaContext());
};

test("a line tells each delivery with one of the outcomes, and no value of the item", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 12 }),
      fc.option(fc.subarray([...outcomes]), { nil: undefined }),
      async (wanted, chosen) => {
        const lines: string[] = [];
        const write = (line: string): void => void lines.push(line);
        await run(wanted, deliveryLog({ write, ...(chosen && { outcomes: chosen }) }));
        const logged: readonly string[] = chosen ?? ["superseded", "rejected", "retried"];
        const parsed = lines.map((line) => JSON.parse(line));
        expect(parsed.map(({ outcome }) => outcome)).toEqual(wanted.filter((outcome) => logged.includes(outcome)));
        for (const line of parsed) {
          expect(line).toMatchObject({
            message: "delivery",
            pipeline: "p",
            route: "orders",
            eventId: expect.any(String),
          });
          if (line.outcome === "rejected") expect(line.code).toBe("SINK_REJECTED");
        }
        expect(lines.join()).not.toContain("canary");
        expect(lines.every((line) => !line.includes("\n") && line.length < 500)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

test.each([[{ outcomes: ["lost"] }], [{ outcomes: "rejected" }], [{ level: "debug" }]])("%j is refused", (options) => {
  expect(() => deliveryLog(options as never)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});
