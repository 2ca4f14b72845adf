// Reads a shard page by page, and renews iterators that expire or point to trimmed records.

import type { StreamsApiRecord } from "@sluice/core/envelope";
import { StreamsError } from "../streams-client.ts";
import type { StreamMappingSettings } from "./options.ts";

/** Where reading begins. */
export type Position =
  | { readonly type: "TRIM_HORIZON" }
  /** With `iterator`: reading begins at the position that was the tip of the shard when the iterator was created. */
  | { readonly type: "LATEST"; readonly iterator?: string }
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string };

/** The result of one poll. */
export interface Page {
  readonly records: readonly StreamsApiRecord[];
  /** Whether the shard has no newer record at the moment. */
  readonly isTip: boolean;
  /** Whether the shard is gone, or is closed and was read to its end. */
  readonly isLast: boolean;
}

/** The reader of one shard. */
export interface Cursor {
  /** Fixes the starting position. Without this call, the first `next` fixes the position. */
  readonly open: () => Promise<unknown>;
  /** Reads the next page. Rejects when the client fails. In that case, the next call reads the same page. */
  readonly next: () => Promise<Page>;
  /** The starting position at which a new cursor would read the same records as this cursor. */
  readonly origin: () => Position;
}

const pageLimit = 1000;
const emptyPage: Page = { records: [], isTip: false, isLast: false };
const lastPage: Page = { records: [], isTip: false, isLast: true };

/** Returns the name of the service's exception. Both the SDK and our client set it as the `name` of the error. */
export const exceptionOf = (error: unknown): string => (error instanceof Error ? error.name : "");

const iteratorAt = async (settings: StreamMappingSettings, shardId: string, position: Position): Promise<string> => {
  if (position.type === "LATEST" && position.iterator !== undefined) return position.iterator;
  const { ShardIterator } = await settings.client.getShardIterator({
    StreamArn: settings.streamArn,
    ShardId: shardId,
    ShardIteratorType: position.type,
    ...("sequenceNumber" in position && { SequenceNumber: position.sequenceNumber }),
  });
  if (ShardIterator) return ShardIterator;
  throw new StreamsError("NoIterator", `GetShardIterator gave no iterator for ${shardId}`);
};

const positionBeside = (
  type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER",
  record: StreamsApiRecord | undefined,
  otherwise: Position,
): Position => {
  const sequenceNumber = record?.dynamodb?.SequenceNumber;
  return sequenceNumber === undefined ? otherwise : { type, sequenceNumber };
};

/** Creates a cursor that begins at this position. */
export const createCursor = (settings: StreamMappingSettings, shardId: string, start: Position): Cursor => {
  let origin = start;
  let position = start;
  let iterator: string | undefined;
  const open = async (): Promise<string> => {
    iterator ??= await iteratorAt(settings, shardId, position);
    // `origin` keeps this iterator, which points to the present tip. An iterator created later would skip records.
    if (position.type === "LATEST") origin = { type: "LATEST", iterator };
    return iterator;
  };
  const read = async (): Promise<Page> => {
    const { Records = [], NextShardIterator } = await settings.client.getRecords({
      ShardIterator: await open(),
      Limit: pageLimit,
    });
    if (origin.type === "LATEST") origin = positionBeside("AT_SEQUENCE_NUMBER", Records[0], origin);
    position = positionBeside("AFTER_SEQUENCE_NUMBER", Records.at(-1), position);
    iterator = NextShardIterator;
    return { records: Records, isTip: Records.length === 0, isLast: NextShardIterator === undefined };
  };
  /** An iterator expires after 15 minutes. The next iterator continues after the last record that was read. */
  const recover = (error: unknown): Page => {
    const exception = exceptionOf(error);
    if (exception === "ResourceNotFoundException") return lastPage;
    if (exception === "TrimmedDataAccessException") position = { type: "TRIM_HORIZON" };
    else if (exception !== "ExpiredIteratorException") throw error;
    if (position.type === "LATEST") position = { type: "LATEST" };
    iterator = undefined;
    return emptyPage;
  };
  return { open: () => open().catch(recover), next: () => read().catch(recover), origin: () => origin };
};
