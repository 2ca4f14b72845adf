// The order in which messages are sent: a sink must get the changes of an item in the order in which they happened.

import type { Envelope, InvocationRecord } from "@sluice/core/envelope";
import { decodeRecord, groupBy, RecordError } from "@sluice/core/sink-kit";

/** The place of a message in the sending order. */
export interface MessageOrder {
  /** Messages of a group are sent in order. A group has one item's changes for one sink, or the batches of a shard. */
  readonly group: string;
  /** Position in the group. Lower versions are sent first. Versions are compared as text. */
  readonly version: string;
}

/** Returns a dead letter's place: its group is its item and sink. An undecodable record gets a group of its own. */
export const envelopeOrder = ({ id, pipeline, sink, record }: Envelope): MessageOrder => {
  try {
    const { itemKey, version } = decodeRecord(record, "redrive");
    return { group: JSON.stringify([sink, pipeline, itemKey]), version };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { group: JSON.stringify([sink, pipeline, id]), version: "" };
  }
};

/** Returns a failed batch's place: its group is its shard. A batch without a shard gets a group of its own. */
export const invocationOrder = (messageId: string, { DDBStreamBatchInfo: batch }: InvocationRecord): MessageOrder => {
  if (batch?.streamArn === undefined) return { group: messageId, version: "" };
  return {
    group: JSON.stringify([batch.streamArn, batch.shardId]),
    version: String(batch.startSequenceNumber).padStart(40, "0"),
  };
};

const byVersion = (one: MessageOrder, other: MessageOrder): number =>
  one.version < other.version ? -1 : Number(one.version > other.version);

/** Sorts messages group by group. Groups are in the order of their first messages. Each group is sorted by version. */
export const inOrder = <Message extends MessageOrder>(messages: readonly Message[]): Message[] =>
  [...groupBy(messages, ({ group }) => group).values()].flatMap((group) => group.sort(byVersion));
