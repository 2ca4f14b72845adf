// The search in a stream with several shards, which DynamoDB Local does not have.

import { describe, expect, test } from "@jest/globals";
import { type FakeStreams, fakeStreams } from "@sluice/local";
import { streamRecord } from "@sluice/testing";
import { searchStream, type TraceStreamsClient } from "../../src/trace/stream.ts";

const keys = { pk: { S: "a" }, sk: { N: "1" } };

const recordOf = (pk: string, revision: number) => {
  const record = streamRecord({ after: { pk, sk: 1, revision }, position: 1 });
  const { SequenceNumber: _, ...dynamodb } = record.dynamodb ?? {};
  const { eventID: __, ...rest } = record;
  return { ...rest, dynamodb } as never;
};

const searchIn = (
  { client, streamArn }: FakeStreams,
  options: { readonly maxCalls?: number; readonly replace?: Partial<TraceStreamsClient> } = {},
) =>
  searchStream({
    client: { ...(client as unknown as TraceStreamsClient), ...options.replace },
    streamArn,
    keys,
    maxMs: 10_000,
    maxCalls: options.maxCalls ?? 1_000,
    signal: new AbortController().signal,
    onRecords: () => undefined,
    now: Date.now,
  });

/** An item with two changes in a shard that was split, and one in a child. */
const splitStream = () => {
  const streams = fakeStreams({ pageSize: 2 });
  const parent = streams.addShard();
  for (let revision = 1; revision <= 2; revision += 1) {
    streams.append(parent, recordOf("a", revision), recordOf("b", revision), recordOf("c", revision));
  }
  const [child = "", other = ""] = streams.splitShard(parent);
  streams.append(other, recordOf("b", 3));
  streams.append(child, recordOf("a", 3));
  return { streams, parent, child, other };
};

describe("the search in a stream", () => {
  test("finds the item's changes in all shards, in the order of their versions", async () => {
    const { streams } = splitStream();
    const sight = await searchIn(streams);
    expect(sight).toMatchObject({ value: { isComplete: true, shards: 3, shardsRead: 3, records: 8 } });
    const { changes } = (sight as Extract<typeof sight, { value: unknown }>).value;
    const versions = changes.map(({ version }) => version);
    expect(changes).toHaveLength(3);
    expect(versions).toEqual([...versions].sort());
  });

  test("reads the open shards first, and says that it stopped", async () => {
    const { streams, child, other } = splitStream();
    const started: string[] = [];
    const sight = await searchIn(streams, {
      maxCalls: 2,
      replace: {
        getShardIterator: (input, options) => {
          started.push(input.ShardId);
          return (streams.client as unknown as TraceStreamsClient).getShardIterator(input, options);
        },
      },
    });
    expect(started.sort()).toEqual([child, other].sort());
    expect(sight).toMatchObject({ value: { isComplete: false, stopped: "after 2 calls", shardsRead: 0, changes: [] } });
  });

  test("counts a shard that no longer exists as read", async () => {
    const { streams, parent } = splitStream();
    const gone: TraceStreamsClient["getShardIterator"] = (input, options) =>
      input.ShardId === parent
        ? Promise.reject(Object.assign(new Error("gone"), { name: "ResourceNotFoundException" }))
        : (streams.client as unknown as TraceStreamsClient).getShardIterator(input, options);
    const sight = await searchIn(streams, { replace: { getShardIterator: gone } });
    expect(sight).toMatchObject({ value: { isComplete: true, shardsRead: 3, changes: [{ kind: "insert" }] } });
  });

  test("keeps what it has found when a call is refused, and is unanswered when it has found nothing", async () => {
    const { streams } = splitStream();
    const refuse = () => Promise.reject(Object.assign(new Error("slow"), { name: "LimitExceededException" }));
    let calls = 0;
    const later: TraceStreamsClient["getRecords"] = (input, options) => {
      calls += 1;
      return calls > 3 ? refuse() : (streams.client as unknown as TraceStreamsClient).getRecords(input, options);
    };
    expect(await searchIn(streams, { replace: { getRecords: later } })).toMatchObject({
      value: { isComplete: false, stopped: "when dynamodb:GetRecords was refused: LimitExceededException" },
    });
    expect(await searchIn(streams, { replace: { getRecords: refuse } })).toEqual({
      unanswered: { action: "dynamodb:GetRecords", reason: "LimitExceededException" },
    });
  });
});
