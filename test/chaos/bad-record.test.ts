// Tests which changes are delayed by one bad record among 10,000. The test measures the delay in invocations, not in
// time.

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
import { itemOf, sequenceOf, withCurrentTime } from "./history.ts";
import { createQueues } from "./queues.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const items = 10_000;
const badItem = "item-5000";

/** Every item has one change. The bad item also has some later changes, which are in the second half of the history. */
const historyWithBadRecord = (): StreamRecord[] => {
  const table = tableHistory({ keyNames: ["pk"], tableName: "Items" });
  for (let item = 0; item < items; item += 1) {
    table.put({ pk: `item-${item}`, revision: 0 });
    if (item > 5000 && item % 1000 === 0) table.put({ pk: badItem, revision: item });
  }
  return table.records().map(withCurrentTime);
};

/** The number of the current invocation. */
const invocations = new AsyncLocalStorage<number>();

/** Records for each change which invocation first received the change, and which invocation delivered the change. */
const invocationLog = () => {
  let count = 0;
  const received = new Map<string, number>();
  const deliveredIn = new Map<string, Map<string, number>>();
  const order: string[] = [];
  const observed =
    (handler: PipelineHandler): PipelineHandler =>
    async (event, context) => {
      count += 1;
      const { Records } = event as { readonly Records: readonly StreamRecord[] };
      for (const record of Records) {
        if (record.dynamodb !== undefined && !received.has(sequenceOf(record))) received.set(sequenceOf(record), count);
      }
      return invocations.run(count, () => handler(event, context));
    };
  const arrive = (route: string, { change }: Delivery): void => {
    const ofRoute = deliveredIn.get(route) ?? new Map<string, number>();
    deliveredIn.set(route, ofRoute);
    ofRoute.set(sequenceOf(change.record), invocations.getStore() ?? 0);
    if (change.itemKey.includes(badItem) && route === "first") order.push(sequenceOf(change.record));
  };
  /** Returns the changes that the route did not deliver in the first invocation that received the change. */
  const late = (route: string): string[] =>
    [...received]
      .filter(([change, number]) => deliveredIn.get(route)?.get(change) !== number)
      .map(([change]) => change);
  return { observed, arrive, late, order };
};

describeWithSqs("chaos: a bad record of one item among 10,000", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  afterAll(() => sqs.destroy());

  const open = async (name: string, code: SinkErrorCode) => {
    const records = historyWithBadRecord();
    const ofBadItem = records.filter((record) => itemOf(record) === badItem).map(sequenceOf);
    const log = invocationLog();
    let isRefused = true;
    const sinkOf = <Writes extends "upsert" | "append">(route: string, writes: Writes) => ({
      name: route,
      supports: { writes },
      write: async (batch: readonly Delivery[]) =>
        batch.map((delivery) => {
          const isBad = route !== "other" && isRefused && sequenceOf(delivery.change.record) === ofBadItem[0];
          if (isBad) return failed(delivery, new SinkError(code, `[${route}] bad record`));
          log.arrive(route, delivery);
          return delivered(delivery);
        }),
    });
    const { retryUrl } = await createQueues(sqs, name, 30_000);
    const deadLetters: Envelope[] = [];
    const deadLetterQueue = {
      write: async (envelopes: readonly Envelope[]) => {
        deadLetters.push(...envelopes);
        return { stored: new Set(envelopes), errors: [] };
      },
    };
    const handler = log.observed(
      pipeline(name, {
        deadLetterQueue,
        retryQueue: sqsRetryQueue({ queueUrl: retryUrl, client: sqs, firstDelaySeconds: 1, maxDelaySeconds: 1 }),
        dedupeStore: memoryDedupe(),
        retry: { maxAttempts: 1 },
        logger: { info: () => undefined, warn: () => undefined },
      })
        .to(sinkOf("first", "append"), (change) => change.keys)
        .to(sinkOf("rows", "upsert"), (change) => change.after)
        .to(sinkOf("other", "append"), (change) => change.keys)
        .handler(),
    );
    const { append, mapping, retries, start, stop } = eventSources({ handler, sqs, retryUrl });
    append(records);
    const run = async (): Promise<void> => {
      await start();
      await mapping.drained();
    };
    const accept = async (): Promise<void> => {
      isRefused = false;
      await retries.drained();
    };
    return { ...log, records, ofBadItem, deadLetters, mapping, run, accept, stop };
  };

  test("holds up only later changes of its item at the same append sink while it is retried", async () => {
    const rig = await open("bad-record-retried", "SINK_UNAVAILABLE");
    await rig.run();
    expect(rig.ofBadItem).toHaveLength(5);
    expect(rig.late("first")).toEqual(rig.ofBadItem);
    // Only the bad record is late. An upsert sink needs no order, so later changes of the item are delivered at once.
    expect(rig.late("rows")).toEqual(rig.ofBadItem.slice(0, 1));
    expect(rig.late("other")).toEqual([]);
    expect(rig.mapping.counters.invokedEventCount).toBe(rig.records.length);
    expect(rig.order).toEqual([]);
    await rig.accept();
    await rig.stop();
    expect(rig.order).toEqual(rig.ofBadItem);
    expect(rig.deadLetters).toEqual([]);
  });

  test("holds up no change if it is rejected and dead-lettered", async () => {
    const rig = await open("bad-record-rejected", "SINK_REJECTED");
    await rig.run();
    await rig.stop();
    const bad = rig.ofBadItem.slice(0, 1);
    expect(rig.late("first")).toEqual(bad);
    expect(rig.late("rows")).toEqual(bad);
    expect(rig.late("other")).toEqual([]);
    expect(rig.mapping.counters.invokedEventCount).toBe(rig.records.length);
    expect(rig.deadLetters.map(({ sink, record }) => [sink, sequenceOf(record)])).toEqual([
      ["first", ...bad],
      ["rows", ...bad],
    ]);
  });
});
