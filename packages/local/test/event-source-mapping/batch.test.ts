import { describe, expect, test } from "@jest/globals";
import { entryOf } from "../../src/event-source-mapping/polled-record.ts";
import { cutBatch } from "../../src/lambda/batch.ts";
import { change, noonMs, openRig, rigWith } from "./rig.ts";

const named = (count: number) => Array.from({ length: count }, (_, index) => change(String(index)));

const sizes = (batches: readonly (readonly string[])[]): number[] => batches.map(({ length }) => length);

describe("a batch", () => {
  test("holds at most the batch size, 100 by default", async () => {
    const rig = rigWith(named(250));
    await rig.run();
    expect(sizes(rig.batches)).toEqual([100, 100, 50]);
  });

  test("waits for its window to fill, and goes when it is over", async () => {
    const rig = openRig(undefined, { maximumBatchingWindowInSeconds: 5, batchSize: 10 });
    const shard = rig.stream.addShard();
    await rig.mapping.start();
    rig.stream.append(shard, change("1"));
    await rig.clock.sleep(3_000);
    rig.stream.append(shard, change("2"));
    await rig.clock.sleep(1_500);
    expect(rig.batches).toEqual([]);
    await rig.clock.sleep(1_000);
    expect(rig.batches).toEqual([["1", "2"]]);
    await rig.mapping.stop();
  });

  test("goes before its window is over when it is full", async () => {
    const rig = rigWith(named(5), undefined, { maximumBatchingWindowInSeconds: 300, batchSize: 2 });
    await rig.mapping.start();
    await rig.clock.sleep(1_000);
    expect(sizes(rig.batches)).toEqual([2, 2]);
    await rig.mapping.stop();
  });

  test("goes before its window is over when its shard ends", async () => {
    const rig = rigWith(named(1), undefined, { maximumBatchingWindowInSeconds: 300 });
    rig.stream.closeShard("shardId-00000000000000000001");
    await rig.mapping.start();
    await rig.clock.sleep(1_000);
    expect(sizes(rig.batches)).toEqual([1]);
    await rig.mapping.stop();
  });

  test("goes before its window is over when the payload reaches 6 MB", async () => {
    const large = change("x".repeat(1024 * 1024), "key");
    const rig = rigWith(
      Array.from({ length: 7 }, () => large),
      undefined,
      { maximumBatchingWindowInSeconds: 300 },
    );
    await rig.mapping.start();
    await rig.clock.sleep(1_000);
    expect(sizes(rig.batches)).toEqual([5]);
    await rig.mapping.stop();
  });
});

describe("the cut at 6 MB", () => {
  const entryOfBytes = (bytes: number) => {
    const empty = entryOf(change("", "key"), noonMs).bytes;
    return entryOf(change("x".repeat(bytes - empty), "key"), noonMs);
  };
  const limit = 6 * 1024 * 1024;
  // {"Records":[…,…]} around two records
  const frame = 15;

  test("lets through exactly 6 MB of UTF-8, and not a byte more", () => {
    const half = entryOfBytes(limit / 2);
    expect(cutBatch([half, entryOfBytes(limit / 2 - frame)], 100)).toEqual({ size: 2, isFull: false });
    expect(cutBatch([half, entryOfBytes(limit / 2 - frame + 1)], 100)).toEqual({ size: 1, isFull: true });
  });

  test("leaves a record that is too large by itself alone", () => {
    expect(cutBatch([entryOfBytes(limit + 1), entryOfBytes(1000)], 100)).toEqual({ size: 1, isFull: true });
  });

  test("cuts nothing from an empty queue", () => {
    expect(cutBatch([], 100)).toEqual({ size: 0, isFull: false });
  });
});
