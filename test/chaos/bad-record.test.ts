// One poison change among 10,000: what waits for it, and what does not. Counted in invocations, not in time.

import { AsyncLocalStorage } from "node:async_hooks";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type PipelineHandler, pipeline, sqsRetryQueue } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import {
  type Delivery,
  delivered,
  failed,
  SinkError,
  type SinkErrorCode,
  type StreamRecord,
} from "@sluice/core/sink-kit";
import { engineOrSkip, startSqs } from "@sluice/local";
import { memoryDedupe, tableHistory } from "@sluice/testing";
import { eventSources } from "./event-sources.ts";
import { itemOf, madeNow, sequenceOf } from "./history.ts";
import { createQueues } from "./queues.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const items = 10_000;
const poisonItem = "item-5000";

/** Each item once, and in the second half now and then another change of the poisoned one. */
const historyWithPoison = (): StreamRecord[] => {
  const table = tableHistory({ keyNames: ["pk"], tableName: "Poison" });
  for (let item = 0; item < items; item += 1) {
    table.put({ pk: `item-${item}`, revision: 0 });
    if (item > 5000 && item % 1000 === 0) table.put({ pk: poisonItem, revision: item });
  }
  return table.records().map(madeNow);
};

/** Which invocation is at work. */
const invocations = new AsyncLocalStorage<number>();

/** When each change came, and when it was delivered: by the number of the invocation. */
const chronicle = () => {
  let count = 0;
  const came = new Map<string, number>();
  const arrived = new Map<string, Map<string, number>>();
  const order: string[] = [];
  const observed =
    (handler: PipelineHandler): PipelineHandler =>
    async (event, context) => {
      count += 1;
      const { Records } = event as { readonly Records: readonly StreamRecord[] };
      for (const record of Records) {
        if (record.dynamodb !== undefined && !came.has(sequenceOf(record))) came.set(sequenceOf(record), count);
      }
      return invocations.run(count, () => handler(event, context));
    };
  const arrive = (route: string, { change }: Delivery): void => {
    const ofRoute = arrived.get(route) ?? new Map<string, number>();
    arrived.set(route, ofRoute);
    ofRoute.set(sequenceOf(change.record), invocations.getStore() ?? 0);
    if (change.itemKey.includes(poisonItem) && route === "poisoned") order.push(sequenceOf(change.record));
  };
  /** Changes that a route did not get in the first invocation that they were in. */
  const late = (route: string): string[] =>
    [...came].filter(([change, number]) => arrived.get(route)?.get(change) !== number).map(([change]) => change);
  return { observed, arrive, late, order };
};

describeWithSqs("chaos: a poison change of one item among 10,000", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  afterAll(() => sqs.destroy());

  const open = async (name: string, code: SinkErrorCode) => {
    const records = historyWithPoison();
    const ofPoisoned = records.filter((record) => itemOf(record) === poisonItem).map(sequenceOf);
    const story = chronicle();
    let isPoisoned = true;
    const sinkOf = <Writes extends "upsert" | "append">(route: string, writes: Writes) => ({
      name: route,
      supports: { writes },
      write: async (batch: readonly Delivery[]) =>
        batch.map((delivery) => {
          const isPoison = route !== "well" && isPoisoned && sequenceOf(delivery.change.record) === ofPoisoned[0];
          if (isPoison) return failed(delivery, new SinkError(code, `[${route}] poison`));
          story.arrive(route, delivery);
          return delivered(delivery);
        }),
    });
    const { retryUrl } = await createQueues(sqs, name, 30_000);
    const letters: Envelope[] = [];
    const deadLetterQueue = {
      write: async (envelopes: readonly Envelope[]) => {
        letters.push(...envelopes);
        return { stored: new Set(envelopes), errors: [] };
      },
    };
    const handler = story.observed(
      pipeline(name, {
        deadLetterQueue,
        retryQueue: sqsRetryQueue({ queueUrl: retryUrl, client: sqs, firstDelaySeconds: 1, maxDelaySeconds: 1 }),
        dedupeStore: memoryDedupe(),
        retry: { maxAttempts: 1 },
        logger: { info: () => undefined, warn: () => undefined },
      })
        .to(sinkOf("poisoned", "append"), (change) => change.keys)
        .to(sinkOf("rows", "upsert"), (change) => change.after)
        .to(sinkOf("well", "append"), (change) => change.keys)
        .handler(),
    );
    const { append, mapping, retries, start, stop } = eventSources({ handler, sqs, retryUrl });
    append(records);
    const run = async (): Promise<void> => {
      await start();
      await mapping.drained();
    };
    const heal = async (): Promise<void> => {
      isPoisoned = false;
      await retries.drained();
    };
    return { ...story, records, ofPoisoned, letters, mapping, run, heal, stop };
  };

  test("holds up the later changes of its item on its sink, where it is retried, and nothing else", async () => {
    const rig = await open("poison-retried", "SINK_UNAVAILABLE");
    await rig.run();
    expect(rig.ofPoisoned).toHaveLength(5);
    expect(rig.late("poisoned")).toEqual(rig.ofPoisoned);
    // The guard needs no order: later changes of the item go past the poison.
    expect(rig.late("rows")).toEqual(rig.ofPoisoned.slice(0, 1));
    expect(rig.late("well")).toEqual([]);
    expect(rig.mapping.counters.invokedEventCount).toBe(rig.records.length);
    expect(rig.order).toEqual([]);
    await rig.heal();
    await rig.stop();
    expect(rig.order).toEqual(rig.ofPoisoned);
    expect(rig.letters).toEqual([]);
  });

  test("holds up nothing where it is rejected: it is in the dead letters", async () => {
    const rig = await open("poison-rejected", "SINK_REJECTED");
    await rig.run();
    await rig.stop();
    const poison = rig.ofPoisoned.slice(0, 1);
    expect(rig.late("poisoned")).toEqual(poison);
    expect(rig.late("rows")).toEqual(poison);
    expect(rig.late("well")).toEqual([]);
    expect(rig.mapping.counters.invokedEventCount).toBe(rig.records.length);
    expect(rig.letters.map(({ sink, record }) => [sink, sequenceOf(record)])).toEqual([
      ["poisoned", ...poison],
      ["rows", ...poison],
    ]);
  });
});
