import { describe, expect, test } from "@jest/globals";
import { fakeStreams, StreamsError } from "../../src/index.ts";
import { change, failing, openRig, rigWith } from "./rig.ts";

describe("a stream whose shards split", () => {
  test("is read in the order of its shards: each parent before its children", async () => {
    const { stream, run, batches } = openRig();
    const root = stream.addShard();
    stream.append(root, change("1"));
    const [left = "", right = ""] = stream.splitShard(root);
    stream.append(left, change("2l"));
    stream.append(right, change("2r"));
    const [leaf = ""] = stream.splitShard(left, 1);
    stream.append(leaf, change("3l"));
    await run();
    const order = batches.flat();
    expect([...order].sort()).toEqual(["1", "2l", "2r", "3l"]);
    expect(order[0]).toBe("1");
    expect(order.indexOf("2l")).toBeLessThan(order.indexOf("3l"));
  });

  test("keeps the child waiting while a batch of the parent is retried", async () => {
    let failures = 3;
    const { stream, run, batches } = openRig((records) => {
      failures -= 1;
      return failures > 0 ? failing(...records) : {};
    });
    const root = stream.addShard();
    stream.append(root, change("parent"));
    const [child = ""] = stream.splitShard(root, 1);
    stream.append(child, change("child"));
    await run();
    expect(batches).toEqual([["parent"], ["parent"], ["parent"], ["child"]]);
  });

  test("is followed when it splits while it is being read", async () => {
    const { stream, mapping, batches } = openRig();
    let shard = stream.addShard();
    await mapping.start();
    for (const name of ["1", "2", "3"]) {
      stream.append(shard, change(name));
      [shard = ""] = stream.splitShard(shard, 1);
    }
    stream.append(shard, change("4"));
    await mapping.drained();
    stream.append(shard, change("5"));
    await mapping.drained();
    await mapping.stop();
    expect(batches.flat()).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("delivers the records of the last page of a shard", async () => {
    const stream = fakeStreams({ pageSize: 2 });
    const { run, batches } = openRig(undefined, { stream, batchSize: 2 });
    const root = stream.addShard();
    stream.append(root, change("1"), change("2"), change("3"));
    stream.closeShard(root);
    await run();
    expect(batches).toEqual([["1", "2"], ["3"]]);
  });

  test("is read completely when it has more shards than DescribeStream lists at once", async () => {
    const { stream, run, batches } = openRig();
    for (let index = 0; index < 230; index += 1) stream.append(stream.addShard(), change(String(index)));
    await run();
    expect(
      batches
        .flat()
        .map(Number)
        .sort((one, other) => one - other),
    ).toEqual([...Array(230).keys()]);
  });

  test("is read from a child whose parent is gone", async () => {
    const { stream, run, batches } = openRig();
    const root = stream.addShard();
    const [child = ""] = stream.splitShard(root, 1);
    stream.append(child, change("child"));
    stream.removeShard(root);
    await run();
    expect(batches).toEqual([["child"]]);
  });

  test("continues when a shard disappears while it is being read", async () => {
    const { stream, mapping, batches } = openRig();
    const root = stream.addShard();
    stream.append(root, change("1"));
    await mapping.start();
    await mapping.drained();
    const [child = ""] = stream.splitShard(root, 1);
    stream.removeShard(root);
    stream.append(child, change("2"));
    await mapping.drained();
    await mapping.stop();
    expect(batches.flat()).toEqual(["1", "2"]);
  });
});

describe("the starting position LATEST", () => {
  const latest = { startingPosition: "LATEST" } as const;

  test("skips existing records, and reads the records that are written after start has resolved", async () => {
    const { stream, mapping, batches } = rigWith([change("old")], undefined, latest);
    await mapping.start();
    stream.append("shardId-00000000000000000001", change("new"));
    await mapping.drained();
    await mapping.stop();
    expect(batches).toEqual([["new"]]);
  });

  test("does not apply to a child that appears later: the child is read from its beginning", async () => {
    const { stream, mapping, batches } = rigWith([change("old")], undefined, latest);
    await mapping.start();
    const [child = ""] = stream.splitShard("shardId-00000000000000000001", 1);
    stream.append(child, change("early"), change("late"));
    await mapping.drained();
    await mapping.stop();
    expect(batches.flat()).toEqual(["early", "late"]);
  });

  test("does not read shards that were closed before", async () => {
    const { stream, mapping, batches } = rigWith([change("old")], undefined, latest);
    const [child = ""] = stream.splitShard("shardId-00000000000000000001", 1);
    stream.append(child, change("old too"));
    await mapping.start();
    stream.append(child, change("new"));
    await mapping.drained();
    await mapping.stop();
    expect(batches).toEqual([["new"]]);
  });

  test("still applies when the mapping restarts before any record was finished", async () => {
    const { stream, mapping, batches } = rigWith([change("old")], undefined, latest);
    const shard = "shardId-00000000000000000001";
    await mapping.start();
    await mapping.stop();
    stream.append(shard, change("while stopped"));
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
    expect(batches).toEqual([["while stopped"]]);
  });

  test("redelivers a batch that was in flight when the mapping was stopped", async () => {
    let isFirst = true;
    const rig = rigWith([change("old")], undefined, {
      ...latest,
      handler: async () => {
        if (!isFirst) return seen.push("again");
        isFirst = false;
        void rig.mapping.stop();
        throw new Error("boom");
      },
    });
    const seen: string[] = [];
    await rig.mapping.start();
    rig.stream.append("shardId-00000000000000000001", change("new"));
    await expect(rig.mapping.drained()).rejects.toThrow("stopped");
    await rig.mapping.stop();
    rig.stream.expireIterators();
    await rig.mapping.start();
    await rig.mapping.drained();
    await rig.mapping.stop();
    expect(seen).toEqual(["again"]);
  });
});

describe("iterators and trimming", () => {
  test("an expired iterator is replaced by an iterator behind the last record that was read", async () => {
    const { stream, mapping, batches } = openRig();
    const shard = stream.addShard();
    stream.append(shard, change("1"));
    await mapping.start();
    await mapping.drained();
    stream.expireIterators();
    stream.append(shard, change("2"));
    await mapping.drained();
    await mapping.stop();
    expect(batches).toEqual([["1"], ["2"]]);
  });

  test("an iterator that expires before the first read is replaced by one at the starting position", async () => {
    const { stream, mapping, batches } = rigWith([change("1")]);
    const starting = mapping.start();
    await starting;
    stream.expireIterators();
    await mapping.drained();
    await mapping.stop();
    expect(batches).toEqual([["1"]]);
  });

  test("records that were trimmed before they were read are skipped", async () => {
    const { stream, run, batches } = rigWith([change("1"), change("2"), change("3")]);
    stream.trim("shardId-00000000000000000001", 2);
    await run();
    expect(batches).toEqual([["3"]]);
  });

  test("reading continues at the trim horizon when trimming overtakes the reader", async () => {
    const { stream, mapping, batches } = rigWith([change("1")]);
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
    stream.append("shardId-00000000000000000001", change("2"), change("3"));
    stream.trim("shardId-00000000000000000001", 2);
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
    expect(batches).toEqual([["1"], ["3"]]);
  });

  test("sequence numbers that grow by a digit keep their order", async () => {
    const names = Array.from({ length: 25 }, (_, index) => String(index));
    const { run, batches } = rigWith(
      names.map((name) => change(name)),
      undefined,
      { batchSize: 7 },
    );
    await run();
    expect(batches.flat()).toEqual(names);
  });
});

describe("polls that fail", () => {
  test("are reported and retried, and no record is lost", async () => {
    const stream = fakeStreams();
    stream.append(stream.addShard(), change("1"));
    let polls = 0;
    const getRecords: typeof stream.client.getRecords = async (input) => {
      polls += 1;
      if (polls % 2 === 1) throw new StreamsError("InternalServerError", "try again");
      return stream.client.getRecords(input);
    };
    const { run, batches, problems } = openRig(undefined, { client: { ...stream.client, getRecords }, stream });
    await run();
    expect(batches).toEqual([["1"]]);
    expect(problems).not.toEqual([]);
  });

  test("fail start when the stream does not exist", async () => {
    const { mapping } = openRig(undefined, { streamArn: "arn:elsewhere" });
    await expect(mapping.start()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await mapping.stop();
  });

  test("fail drained when the stream is gone", async () => {
    const stream = fakeStreams();
    stream.addShard();
    let isGone = false;
    const describeStream: typeof stream.client.describeStream = (input) =>
      stream.client.describeStream(isGone ? { StreamArn: "arn:elsewhere" } : input);
    const { mapping } = openRig(undefined, { client: { ...stream.client, describeStream }, stream });
    await mapping.start();
    isGone = true;
    await expect(mapping.drained()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await mapping.stop();
  });
});
