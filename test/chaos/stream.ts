// Creates the stream of a chaos test.

import type { StreamRecord } from "@sluice/core/envelope";
import { type FakeStreams, fakeStreams } from "@sluice/local";
import { itemOf } from "./history.ts";

/** Creates an empty stream of two shards. All changes of an item are in the same shard. */
export const twoShards = (): {
  readonly stream: FakeStreams;
  readonly append: (records: readonly StreamRecord[]) => void;
} => {
  const stream = fakeStreams();
  const shards = [stream.addShard(), stream.addShard()] as const;
  return {
    stream,
    append: (records) => {
      for (const record of records) stream.append(shards[itemOf(record).length % 2 === 0 ? 0 : 1], record);
    },
  };
};
