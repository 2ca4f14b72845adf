// If a target is down, the circuit breaker must open, even if most deliveries are not attempted or are cut short. The
// test counts writes. It does not measure time.

import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type PipelineOptions, pipeline, sqsRetryQueue, type UnknownItem } from "@sluice/core";
import { type Clock, SinkError } from "@sluice/core/sink-kit";
import { engineOrSkip, startSqs } from "@sluice/local";
import { lambdaContext, memoryDedupe, streamEvent, tableHistory } from "@sluice/testing";
import { createQueues } from "./queues.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const batches = 30;
const freshItems = 4;

/**
 * The number of batches that reach the target must be smaller than this value. Three batches open the circuit breaker.
 * Batches are two seconds apart and probes are at most five seconds apart, so ten or eleven later batches contain a probe.
 */
const fewBatches = 16;

/** A clock that advances two seconds from batch to batch. Within a batch no time passes. */
const batchClock = (batch: () => number): Clock => ({
  now: () => batch() * 2_000,
  sleep: (_ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    }),
  random: () => 0.9,
});

describeWithSqs("chaos: a target that is down", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  afterAll(() => sqs.destroy());

  /**
   * Returns the number of batches that reach the target. Each batch changes four new items and the item `common`.
   */
  const countWrittenBatches = async (
    name: string,
    options: (batch: () => number) => Partial<PipelineOptions<UnknownItem>>,
  ): Promise<number> => {
    const { retryUrl } = await createQueues(sqs, name, 30_000);
    const written = new Set<number>();
    let batch = 0;
    const down = {
      name: "down",
      supports: { writes: "append" as const, maxEntries: 1 },
      write: async (): Promise<never> => {
        written.add(batch);
        throw new SinkError("SINK_UNAVAILABLE", "[down] down");
      },
    };
    const handler = pipeline(name, {
      deadLetterQueue: {
        write: async () => ({ stored: new Set(), errors: [new Error("no record is rejected in this test")] }),
      },
      retryQueue: sqsRetryQueue({ queueUrl: retryUrl, client: sqs }),
      dedupeStore: memoryDedupe(),
      logger: { info: () => undefined, warn: () => undefined },
      ...options(() => batch),
    })
      .to(down, ({ keys }) => keys)
      .handler();
    const table = tableHistory({ keyNames: ["pk"] });
    for (; batch < batches; batch += 1) {
      const fresh = Array.from({ length: freshItems }, (_, item) => table.put({ pk: `${batch}-${item}` }));
      const records = [table.put({ pk: "common", batch }), ...fresh];
      const { batchItemFailures } = await handler(streamEvent(records), lambdaContext());
      expect(batchItemFailures).toEqual([]);
    }
    return written.size;
  };

  test("gets no writes while the circuit breaker is open, although pending changes are never attempted", async () => {
    const options = (batch: () => number) => ({ retry: { maxAttempts: 1 }, clock: batchClock(batch) });
    expect(await countWrittenBatches("circuit-breaker-pending", options)).toBeLessThan(fewBatches);
  });

  test("gets no writes while the circuit breaker is open, although the route timeout cuts its attempts short", async () => {
    const retry = { maxAttempts: 3, firstDelayMs: 60_000, maxDelayMs: 60_000 };
    expect(await countWrittenBatches("circuit-breaker-timeout", () => ({ retry, routeTimeoutMs: 20 }))).toBeLessThan(
      fewBatches,
    );
  });
});
