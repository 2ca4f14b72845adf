// The sample of a source: its first records, their dry run, and what the targets hold of them.

import { describe, expect, test } from "@jest/globals";
import { pipeline, type UnknownItem } from "@sluice/core";
import type { Sink, WriteContext } from "@sluice/core/sink-kit";
import { lambdaContext, memoryUpsertSink } from "@sluice/testing";
import { aheadTargets, dryRunSample, type Invoke, sampleRecords } from "../../src/index.ts";
import { memorySource, type Pages } from "../run/memory-source.ts";

const silent = { info: () => undefined, warn: () => undefined };
const context: WriteContext = { signal: new AbortController().signal, remainingMs: () => 1_000 };
const never = new AbortController().signal;

const shopOf = (sink: Sink<UnknownItem, "upsert">) =>
  pipeline("shop", { onReject: "block", logger: silent }).to(sink, ({ after }) => {
    if (String((after as UnknownItem).id).endsWith("bad")) throw new TypeError("refused");
    return after as UnknownItem;
  });

const invokeOf = (sink: Sink<UnknownItem, "upsert">): Invoke => {
  const handler = shopOf(sink).handler();
  return async (event) => (await handler(event, lambdaContext())) as never;
};

const manyIds = (count: number): string[] => Array.from({ length: count }, (_, index) => `o-${index}`);

describe("the sample", () => {
  test("has the first records, and at most 100; empty units are passed over", async () => {
    const pages: Pages = [[[]], [manyIds(150), ["later"]], [["other"]]];
    const source = memorySource(pages);
    const records = await sampleRecords(source, never);
    expect(records).toHaveLength(100);
    expect(source.reads()).toBe(2);
  });

  test("of an empty source is empty", async () => {
    expect(await sampleRecords(memorySource([[[]], [[]]]), never)).toEqual([]);
  });

  test("its dry run writes nothing, and counts the failures", async () => {
    const sink = memoryUpsertSink<UnknownItem>();
    const records = await sampleRecords(memorySource([[["a", "b-bad", "c-bad"]]]), never);
    expect(await dryRunSample(records, invokeOf(sink), undefined, never)).toMatchObject({
      records: 3,
      failures: 2,
      example: { code: "MAPPING_FAILED" },
    });
    expect(sink.items().size).toBe(0);
  });

  test("an unknown route is an error", async () => {
    const records = await sampleRecords(memorySource([[["a"]]]), never);
    await expect(dryRunSample(records, invokeOf(memoryUpsertSink()), ["x"], never)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});

describe("a target", () => {
  const holding = (version: string | undefined): Sink<UnknownItem, "upsert"> => ({
    ...memoryUpsertSink<UnknownItem>({ name: "orders" }),
    read: async (batch) => batch.map(() => (version === undefined ? undefined : { version, state: "live" as const })),
  });
  const zeros = "0".repeat(40);

  test.each([
    [undefined, 0],
    [`20260102030405678-${zeros}`, 0],
    [`20260102030405677-${zeros}`, 0],
    [`20260102030405679-${zeros}`, 1],
  ])("with the version %s", async (version, count) => {
    const records = await sampleRecords(memorySource([[["a"]]]), never);
    const ahead = await aheadTargets(shopOf(holding(version)).targets(), records, context);
    expect(ahead).toEqual(count === 0 ? [] : [{ route: "orders", version }]);
  });

  test("with versions of the time from which the table is the source", async () => {
    const since = "2026-06-01T00:00:00Z";
    const source = [{ table: "orders-before" }, { table: "orders", since }];
    const held = holding(`20260601000000000-${zeros}`);
    const targets = pipeline("shop", { onReject: "block", logger: silent, source })
      .to(held, ({ after }) => after as UnknownItem)
      .targets();
    const records = await sampleRecords(memorySource([[["a"]]]), never);
    expect(await aheadTargets(targets, records, context)).toEqual([]);
  });

  test("that cannot be read is left out", async () => {
    const records = await sampleRecords(memorySource([[["a"]]]), never);
    const { read: _, ...sink } = memoryUpsertSink<UnknownItem>() as Sink<UnknownItem, "upsert">;
    expect(await aheadTargets(shopOf(sink).targets(), records, context)).toEqual([]);
  });
});
