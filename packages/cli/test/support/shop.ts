// The handler of a pipeline with two sinks in memory. One holds a copy of each item, the other a list of all changes.

import { type DeadLetterQueue, type PipelineOptions, pipeline, type UnknownItem } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { lambdaContext, memoryAppendSink, memoryUpsertSink } from "@sluice/testing";
import type { FakeFunction } from "./lambda.ts";

/** The key of an item that the mapper of `orders` refuses. */
export const bad = "bad";

export interface Shop {
  readonly run: FakeFunction;
  readonly orders: ReturnType<typeof memoryUpsertSink<UnknownItem>>;
  readonly feed: ReturnType<typeof memoryAppendSink<UnknownItem>>;
  /** Dead letters that the pipeline has written. */
  readonly deadLetters: Envelope[];
}

const silent = { info: () => undefined, warn: () => undefined };

/** Creates a pipeline. Its sink `orders` holds the current items, and its sink `feed` gets every change. */
export const openShop = (options: Partial<PipelineOptions<UnknownItem>> = {}): Shop => {
  const orders = memoryUpsertSink<UnknownItem>({ name: "orders" });
  const feed = memoryAppendSink<UnknownItem>({ name: "feed" });
  const deadLetters: Envelope[] = [];
  const deadLetterQueue: DeadLetterQueue = {
    write: async (envelopes) => {
      deadLetters.push(...envelopes);
      return { stored: new Set(envelopes), errors: [] };
    },
  };
  const mapped = (item: UnknownItem): UnknownItem => {
    if (item.pk === bad) throw new TypeError(`refused ${item.note}`);
    return item;
  };
  const handler = pipeline("shop", { deadLetterQueue, logger: silent, retry: { maxAttempts: 1 }, ...options })
    .to(orders, ({ after }) => mapped(after as UnknownItem))
    .to(feed, ({ after, before }) => (after ?? before) as UnknownItem, { dedupe: "none" })
    .handler();
  return { orders, feed, deadLetters, run: (event) => handler(event, lambdaContext()) };
};
