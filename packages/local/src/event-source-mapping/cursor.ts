// Reads a shard page by page, whatever becomes of the iterators on the way.

import type { ShardIteratorType, StreamsClient, WireRecord } from "../streams-client.ts";
import { StreamsError } from "../streams-client.ts";

/** Where reading begins. */
export type Position =
  | { readonly type: "TRIM_HORIZON" }
  /** With an iterator: what was the latest when it was made. */
  | { readonly type: "LATEST"; readonly iterator?: string }
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string };

/** What one poll gave. */
export interface Page {
  readonly records: readonly WireRecord[];
  /** The shard answered that there is nothing newer just now. */
  readonly isTip: boolean;
  /** The shard is closed and was read to its end, or is gone. */
  readonly isLast: boolean;
}

/** The reader of one shard. */
export interface Cursor {
  /** Fixes the place where reading begins; `next` does it otherwise. */
  readonly open: () => Promise<unknown>;
  /** Reads on. Rejects when the client does, and may be called again then: nothing is skipped. */
  readonly next: () => Promise<Page>;
  /** Where another cursor has to begin to read all that this one did. */
  readonly origin: () => Position;
}

/** What a cursor reads. */
export interface CursorSource {
  readonly client: StreamsClient;
  readonly streamArn: string;
  readonly shardId: string;
}

const pageLimit = 1000;
const nothing: Page = { records: [], isTip: false, isLast: false };
const gone: Page = { records: [], isTip: false, isLast: true };

/** The exception's name, as the SDK and our client give it. */
export const exceptionOf = (error: unknown): string => (error instanceof Error ? error.name : "");

const iteratorAt = async (source: CursorSource, position: Position): Promise<string> => {
  if (position.type === "LATEST" && position.iterator !== undefined) return position.iterator;
  const { ShardIterator } = await source.client.getShardIterator({
    StreamArn: source.streamArn,
    ShardId: source.shardId,
    ShardIteratorType: position.type satisfies ShardIteratorType,
    ...("sequenceNumber" in position ? { SequenceNumber: position.sequenceNumber } : {}),
  });
  if (ShardIterator) return ShardIterator;
  throw new StreamsError("NoIterator", `GetShardIterator gave no iterator for ${source.shardId}`);
};

const beside = (
  type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER",
  record: WireRecord | undefined,
  otherwise: Position,
): Position => {
  const sequenceNumber = record?.dynamodb?.SequenceNumber;
  return sequenceNumber === undefined ? otherwise : { type, sequenceNumber };
};

export const createCursor = (source: CursorSource, start: Position): Cursor => {
  let origin = start;
  let position = start;
  let iterator: string | undefined;
  const open = async (): Promise<string> => {
    iterator ??= await iteratorAt(source, position);
    // "The latest" moves: from here on it is what it was when reading began.
    if (position.type === "LATEST") origin = { type: "LATEST", iterator };
    return iterator;
  };
  const read = async (): Promise<Page> => {
    const { Records = [], NextShardIterator } = await source.client.getRecords({
      ShardIterator: await open(),
      Limit: pageLimit,
    });
    if (origin.type === "LATEST") origin = beside("AT_SEQUENCE_NUMBER", Records[0], origin);
    position = beside("AFTER_SEQUENCE_NUMBER", Records.at(-1), position);
    iterator = NextShardIterator;
    return { records: Records, isTip: Records.length === 0, isLast: NextShardIterator === undefined };
  };
  /** An iterator lives 15 minutes: a new one continues after the last record that was read. */
  const recover = (error: unknown): Page => {
    const exception = exceptionOf(error);
    if (exception === "ResourceNotFoundException") return gone;
    if (exception === "TrimmedDataAccessException") position = { type: "TRIM_HORIZON" };
    else if (exception !== "ExpiredIteratorException") throw error;
    if (position.type === "LATEST") position = { type: "LATEST" };
    iterator = undefined;
    return nothing;
  };
  return { open: () => open().catch(recover), next: () => read().catch(recover), origin: () => origin };
};
