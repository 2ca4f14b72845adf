import { describe, expect, test } from "@jest/globals";
import { polledRecord } from "../../src/event-source-mapping/polled-record.ts";
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

  test("waits for its batching window, and is delivered when the window is over", async () => {
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

  test("is delivered before its window is over when it is full", async () => {
    const rig = rigWith(named(5), undefined, { maximumBatchingWindowInSeconds: 300, batchSize: 2 });
    await rig.mapping.start();
    await rig.clock.sleep(1_000);
    expect(sizes(rig.batches)).toEqual([2, 2]);
    await rig.mapping.stop();
  });

  test("is delivered before its window is over when its shard ends", async () => {
    const rig = rigWith(named(1), undefined, { maximumBatchingWindowInSeconds: 300 });
    rig.stream.closeShard("shardId-00000000000000000001");
    await rig.mapping.start();
    await rig.clock.sleep(1_000);
    expect(sizes(rig.batches)).toEqual([1]);
    await rig.mapping.stop();
  });

  test("is delivered before its window is over when the payload reaches 6 MB", async () => {
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
  const recordOfBytes = (bytes: number) => {
    const empty = polledRecord(change("", "key"), noonMs).bytes;
    return polledRecord(change("x".repeat(bytes - empty), "key"), noonMs);
  };
  const limit = 6 * 1024 * 1024;
  // Size in bytes of {"Records":[,]}, which is an event's JSON without its two records.
  const frame = 15;

  test("allows exactly 6 MB of UTF-8, and not a byte more", () => {
    const half = recordOfBytes(limit / 2);
    expect(cutBatch([half, recordOfBytes(limit / 2 - frame)], 100)).toEqual({ size: 2, isFull: false });
    expect(cutBatch([half, recordOfBytes(limit / 2 - frame + 1)], 100)).toEqual({ size: 1, isFull: true });
  });

  test("gives a record over the limit a batch of its own", () => {
    expect(cutBatch([recordOfBytes(limit + 1), recordOfBytes(1000)], 100)).toEqual({ size: 1, isFull: true });
  });

  test("cuts an empty batch from an empty queue", () => {
    expect(cutBatch([], 100)).toEqual({ size: 0, isFull: false });
  });
});
