// A target that is down is left alone, whatever else is said of its deliveries: counted in writes, not in time.

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

/** Batches of an outage of two seconds each: three tell, and five or six meet a probe. */
const fewBatches = 12;

/** Two seconds pass from batch to batch; within one, none. */
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

  /** Batches that the target was asked for, of all with new items, and one that each batch changes. */
  const askedFor = async (
    name: string,
    options: (batch: () => number) => Partial<PipelineOptions<UnknownItem>>,
  ): Promise<number> => {
    const { retryUrl } = await createQueues(sqs, name, 30_000);
    const asked = new Set<number>();
    let batch = 0;
    const down = {
      name: "down",
      supports: { writes: "append" as const, maxEntries: 1 },
      write: async (): Promise<never> => {
        asked.add(batch);
        throw new SinkError("SINK_UNAVAILABLE", "[down] down");
      },
    };
    const handler = pipeline(name, {
      deadLetterQueue: { write: async () => ({ stored: new Set(), errors: [new Error("nothing is rejected here")] }) },
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
      const records = [table.put({ pk: "again and again", batch }), ...fresh];
      const { batchItemFailures } = await handler(streamEvent(records), lambdaContext());
      expect(batchItemFailures).toEqual([]);
    }
    return asked.size;
  };

  test("is left alone although changes of its items are pending, of which it is not asked", async () => {
    const options = (batch: () => number) => ({ retry: { maxAttempts: 1 }, clock: batchClock(batch) });
    expect(await askedFor("left-alone-pending", options)).toBeLessThan(fewBatches);
  });

  test("is left alone although the time for its quick tries was over before it failed for good", async () => {
    const retry = { tries: 3, firstDelayMs: 60_000, maxDelayMs: 60_000 };
    expect(await askedFor("left-alone-late", () => ({ retry, routeTimeoutMs: 20 }))).toBeLessThan(fewBatches);
  });
});
