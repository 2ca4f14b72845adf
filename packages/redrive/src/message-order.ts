// The order of messages. An item's changes are sent to a sink in the order in which they happened.

import type { Envelope, InvocationRecord } from "@sluice/core/envelope";
import { decodeRecord, groupBy, RecordError } from "@sluice/core/sink-kit";

/** The place of a message in the order. */
export interface MessageOrder {
  /** Messages of one group are sent in order. A group is an item's changes for one sink, or one shard's batches. */
  readonly group: string;
  /** Position in the group. Versions are compared as text. */
  readonly version: string;
}

/** Orders a dead letter by its item and sink. A dead letter whose record cannot be decoded is a group of its own. */
export const envelopeOrder = ({ id, pipeline, sink, record }: Envelope): MessageOrder => {
  try {
    const { itemKey, version } = decodeRecord(record, "redrive");
    return { group: JSON.stringify([sink, pipeline, itemKey]), version };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { group: JSON.stringify([sink, pipeline, id]), version: "" };
  }
};

/** Orders a failed batch by its shard. A batch whose record names no shard is a group of its own. */
export const invocationOrder = (messageId: string, { DDBStreamBatchInfo: batch }: InvocationRecord): MessageOrder => {
  if (batch?.streamArn === undefined) return { group: messageId, version: "" };
  return {
    group: JSON.stringify([batch.streamArn, batch.shardId]),
    version: String(batch.startSequenceNumber).padStart(40, "0"),
  };
};

const byVersion = (one: MessageOrder, other: MessageOrder): number =>
  one.version < other.version ? -1 : Number(one.version > other.version);

/** Sorts messages by version within their group. The groups are in the order of their first messages. */
export const inOrder = <Message extends MessageOrder>(messages: readonly Message[]): Message[] =>
  [...groupBy(messages, ({ group }) => group).values()].flatMap((group) => group.sort(byVersion));
