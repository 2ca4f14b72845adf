// The order in which messages are sent: a sink must get the changes of an item in the order in which they happened.

import type { Envelope, InvocationRecord } from "@sluice/core/envelope";
import { decodeRecord, groupBy, RecordError } from "@sluice/core/sink-kit";

/** The place of a message in the sending order. */
export interface MessageOrder {
  /** Messages of a group are sent in order. A group has one item's changes for one sink, or the batches of a shard. */
  readonly group: string;
  /** Position in the group. Lower versions are sent first. Versions are compared as text. */
  readonly version: string;
  /** The route of a dead letter. A route's messages are sent after those of the routes before it. */
  readonly route?: string;
  /** Time of a dead letter's change, in milliseconds since the epoch. Orders the streams of an item. Default 0. */
  readonly createdAtMs?: number;
}

/** Returns a dead letter's place: its group is its item and sink. An undecodable record gets a group of its own. */
export const envelopeOrder = ({ id, pipeline, sink, record }: Envelope): MessageOrder => {
  try {
    const { itemKey, version, approximateCreationTimeMs: createdAtMs } = decodeRecord(record, "redrive");
    return { group: JSON.stringify([sink, pipeline, itemKey]), version, route: sink, createdAtMs };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { group: JSON.stringify([sink, pipeline, id]), version: "", route: sink };
  }
};

/** Returns a failed batch's place: its group is its shard. A batch without a shard gets a group of its own. */
export const invocationOrder = (messageId: string, { DDBStreamBatchInfo: batch }: InvocationRecord): MessageOrder => {
  if (batch?.streamArn === undefined) return { group: messageId, version: "" };
  const { streamArn, shardId, startSequenceNumber: first } = batch;
  return {
    group: JSON.stringify([streamArn, shardId]),
    version: typeof first === "string" ? first.padStart(40, "0") : "",
  };
};

/** The changes of a group are of one item, but they may be from several streams, as after a fail-over to another table. */
const streamOf = ({ version }: MessageOrder): string => version.slice(0, version.indexOf("-") + 1);

/** Returns the earliest time of each stream. The option `source` of the pipeline may order streams against their names. */
const streamTimes = (group: readonly MessageOrder[]): ReadonlyMap<string, number> => {
  const times = new Map<string, number>();
  for (const message of group) {
    const { createdAtMs = 0 } = message;
    times.set(streamOf(message), Math.min(createdAtMs, times.get(streamOf(message)) ?? createdAtMs));
  }
  return times;
};

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/** Sorts a group stream by stream. Within a stream, lower versions are first. */
const sorted = <Message extends MessageOrder>(group: readonly Message[]): Message[] => {
  const times = streamTimes(group);
  const timeOf = (message: Message): number => times.get(streamOf(message)) ?? 0;
  return [...group].sort((one, other) => timeOf(one) - timeOf(other) || compare(one.version, other.version));
};

/**
 * Sorts messages route by route, and in each route group by group. Routes are in the order of `routes`; messages of other
 * routes, and of no route, are last. Groups are in the order of their first messages.
 */
export const inOrder = <Message extends MessageOrder>(
  messages: readonly Message[],
  routes: readonly string[] = [],
): Message[] => byRoute(messages, routes).flat();

/** Sorts messages like `inOrder`, and returns one list for each route. */
export const byRoute = <Message extends MessageOrder>(
  messages: readonly Message[],
  routes: readonly string[],
): Message[][] => {
  const places = new Map(routes.map((name, index) => [name, index]));
  const placeOf = ({ route = "" }: MessageOrder): number => places.get(route) ?? routes.length;
  return [...groupBy(messages, (message) => String(placeOf(message)))]
    .sort(([one], [other]) => Number(one) - Number(other))
    .map(([, ofRoute]) => [...groupBy(ofRoute, ({ group }) => group).values()].flatMap(sorted));
};
