// The shards of a stream, and the order in which they may be read. A child is read only after its parent is finished,
// so that the changes of an item stay in order when a shard splits or rolls over.

import type { StreamShard, StreamsClient } from "../streams-client.ts";
import type { Position } from "./cursor.ts";
import type { StreamMappingSettings } from "./options.ts";

/** A shard and the progress of its reader. */
export interface Shard {
  readonly id: string;
  readonly parentId: string | undefined;
  /** Position at which reading starts if there is no checkpoint yet. */
  start: Position;
  status: "waiting" | "running" | "done";
  /** Sequence number up to which all records are finished. */
  checkpoint: string | undefined;
}

/** The shards of a stream. */
export interface Lineage {
  /** Lists the shards of the stream, and adds new shards to the lineage. */
  readonly discover: () => Promise<void>;
  readonly shards: () => readonly Shard[];
  /** The waiting shards that may be read now, because the parent shard is done or is not in the stream. */
  readonly ready: () => readonly Shard[];
}

const listShards = async (client: StreamsClient, streamArn: string): Promise<readonly StreamShard[]> => {
  const shards: StreamShard[] = [];
  let last: string | undefined;
  do {
    const page = await client.describeStream({
      StreamArn: streamArn,
      ...(last !== undefined && { ExclusiveStartShardId: last }),
    });
    shards.push(...(page.StreamDescription?.Shards ?? []));
    last = page.StreamDescription?.LastEvaluatedShardId;
  } while (last !== undefined);
  return shards;
};

const isClosed = (shard: StreamShard): boolean => shard.SequenceNumberRange?.EndingSequenceNumber !== undefined;

/** Creates a lineage without shards. `discover` adds the shards. */
export const createLineage = ({ client, streamArn, startingPosition }: StreamMappingSettings): Lineage => {
  const known = new Map<string, Shard>();
  let isFirstListing = true;
  /** LATEST applies only to the shards of the first listing. A shard that appears later is read from its beginning. */
  const shardOf = (id: string, listed: StreamShard): Shard => {
    const isLatest = isFirstListing && startingPosition === "LATEST";
    return {
      id,
      parentId: listed.ParentShardId,
      start: { type: isLatest ? "LATEST" : "TRIM_HORIZON" },
      status: isLatest && isClosed(listed) ? "done" : "waiting",
      checkpoint: undefined,
    };
  };
  const discover = async (): Promise<void> => {
    for (const listed of await listShards(client, streamArn)) {
      const id = listed.ShardId;
      if (id !== undefined && !known.has(id)) known.set(id, shardOf(id, listed));
    }
    isFirstListing = false;
  };
  const mayStart = (shard: Shard): boolean => {
    const parent = shard.parentId === undefined ? undefined : known.get(shard.parentId);
    return shard.status === "waiting" && (parent === undefined || parent.status === "done");
  };
  return { discover, shards: () => [...known.values()], ready: () => [...known.values()].filter(mayStart) };
};
