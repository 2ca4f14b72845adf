// Two routes with disjoint filters write one index. An item may move from one filter to the other, or match neither.
// Each random history must end with one document for each item that matches a filter.

import { afterAll, describe, test } from "@jest/globals";
import { type PipelineHandler, pipeline } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { decodeImage, type Sink } from "@sluice/core/sink-kit";
import { engineOrSkip, opensearchVersions, startOpensearch } from "@sluice/local";
import type { OpensearchDocument } from "@sluice/sink-opensearch";
import { lambdaContext, type RandomHistory, randomHistory, type SpecimenItem, streamEvent } from "@sluice/testing";
import { type OpensearchMutation, openOpensearch } from "./opensearch-target.ts";
import { randomOf } from "./random.ts";
import { fewer } from "./runs.ts";

type DocumentSink = Sink<OpensearchDocument, "upsert">;

const isProduct = ({ revision }: SpecimenItem): boolean => revision % 3 === 0;
const isOrder = ({ revision }: SpecimenItem): boolean => revision % 3 === 1;

const silent = { info: () => undefined, warn: () => undefined };

/** Removes the sink's `target`, so that core does not know that the routes share an index. Only the guard decides. */
const withoutTarget = ({ target: _, ...sink }: DocumentSink): DocumentSink => sink;

const handlerOf = (products: DocumentSink, orders: DocumentSink): PipelineHandler =>
  pipeline<SpecimenItem>("shared", { onReject: "block", logger: silent, retry: { maxAttempts: 2, firstDelayMs: 0 } })
    .when(isProduct)
    .to(products, ({ after }) => after, { name: "products" })
    .when(isOrder)
    .to(orders, ({ after }) => after, { name: "orders" })
    .handler();

const mostInvocations = 20;

const deliver = async (handler: PipelineHandler, records: readonly StreamRecord[]): Promise<void> => {
  for (let invocations = 0; invocations < mostInvocations; invocations += 1) {
    const { batchItemFailures } = await handler(streamEvent(records), lambdaContext());
    if (batchItemFailures.length === 0) return;
  }
  throw new Error(`a batch did not succeed in ${mostInvocations} invocations`);
};

/** Delivers records, one invocation for each stream in a row, because an invocation has records of one stream. */
const deliverAll = async (handler: PipelineHandler, records: readonly StreamRecord[]): Promise<void> => {
  for (let start = 0; start < records.length; ) {
    const stream = records[start]?.eventSourceARN;
    const next = records.findIndex(({ eventSourceARN }, at) => at > start && eventSourceARN !== stream);
    const end = next < 0 ? records.length : next;
    await deliver(handler, records.slice(start, end));
    start = end;
  }
};

const play = async (history: RandomHistory, handlers: readonly PipelineHandler[], seed: number): Promise<void> => {
  const random = randomOf(seed);
  const handler = (): PipelineHandler => handlers[random.integer(handlers.length)] as PipelineHandler;
  for (const step of history.deliveries) {
    if (step.kind === "redrive") await deliverAll(handler(), [step.record]);
    else if (step.kind === "parallel") await Promise.all(step.batches.map((records) => deliverAll(handler(), records)));
    else await deliverAll(handler(), step.records);
  }
};

/** Plays histories, and returns a text for each item whose document is not the expected document. */
const differences = async (
  url: string,
  handlersFor: (sinks: readonly [DocumentSink, DocumentSink]) => readonly PipelineHandler[],
  { seed, runs, mutation }: { readonly seed: number; readonly runs: number; readonly mutation?: OpensearchMutation },
): Promise<readonly string[]> => {
  const target = await openOpensearch(url, mutation);
  try {
    const [one, other] = target.variants as readonly { readonly sink: DocumentSink }[];
    if (one === undefined || other === undefined) throw new Error("the target has too few variants");
    const expected = new Map<string, string>();
    for (let at = 0; at < runs; at += 1) {
      const own = seed + at;
      const history = randomHistory(own, { prefix: `h${own}`, items: 2, changes: 12 });
      // A handler accepts one table, and every history has its own table.
      await play(history, handlersFor([one.sink, other.sink]), own);
      for (const image of history.expected.values()) {
        const item = decodeImage(image) as SpecimenItem;
        if (isProduct(item) || isOrder(item)) expected.set(item.pk, JSON.stringify(target.copyOf(image)));
      }
    }
    const found = await target.readAll();
    return [...new Set([...expected.keys(), ...found.keys()])]
      .map((pk) => [pk, JSON.stringify(found.get(pk)), expected.get(pk)] as const)
      .filter(([, is, should]) => is !== should)
      .map(([pk, is, should]) => `${pk}: found ${is}, expected ${should}`);
  } finally {
    await target.close();
  }
};

const arrangements = [
  ["one sink object", ([one]: readonly [DocumentSink, DocumentSink]) => [handlerOf(one, one)]],
  ["two sink objects", ([one, other]: readonly [DocumentSink, DocumentSink]) => [handlerOf(one, other)]],
  [
    "two environments, by the guard alone",
    ([one, other]: readonly [DocumentSink, DocumentSink]) => {
      const [first, second] = [withoutTarget(one), withoutTarget(other)];
      return [handlerOf(first, second), handlerOf(second, first), handlerOf(first, first)];
    },
  ],
] as const;

/** Each attempt to find the defect plays twice as many histories as the one before. */
const mostMutantRuns = 300;

/** A guard that does not replace a tombstone by a message of the same version. */
const noTieBreak: OpensearchMutation = {
  rewrite: (body) => body.replaceAll("?1:0)", "?0:0)"),
};

const [newest, ...older] = process.env.OPENSEARCH_URL ? [] : await opensearchVersions();

for (const version of [newest, ...older]) {
  const start = () => startOpensearch(version === undefined ? {} : { version });
  const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, start);

  describeWithOpensearch(`routes that share an index of OpenSearch ${version ?? "by default"}`, ({ url }) => {
    const { seed } = fewer;
    const runs = Math.ceil(fewer.runs / arrangements.length);
    const timeoutMs = 120_000 + 2_000 * runs;

    for (const [name, handlersFor] of arrangements) {
      test(
        `with ${name}, ${runs} histories from seed ${seed} end with the right documents`,
        async () => {
          const found = await differences(url, handlersFor, { seed, runs });
          if (found.length > 0) throw new Error(found.slice(0, 5).join("\n"));
        },
        timeoutMs,
      );
    }

    if (version === newest) {
      test(
        `the histories find a guard without the tie-break (from seed ${seed})`,
        async () => {
          for (let done = 0, runs = 10; done < mostMutantRuns; done += runs, runs *= 2) {
            const options = { seed: seed + done, runs, mutation: noTieBreak };
            if ((await differences(url, arrangements[2][1], options)).length > 0) return;
          }
          throw new Error(`more than ${mostMutantRuns} histories converged despite the defect`);
        },
        timeoutMs,
      );
    }
  });
}
