// A table in memory that says what its stream would say: for scenarios of puts and removes.

import { ConfigError, imageToJson, type StreamRecord } from "@sluice/core/sink-kit";
import { type PlainItem, toImage } from "./image.ts";
import { type RecordOptions, streamRecord } from "./stream-record.ts";

/** What every record of a history has in common. */
export type HistoryOptions = Pick<RecordOptions, "keyNames" | "viewType" | "tableName" | "streamLabel">;

/** A table's items and the stream of their changes. Sequence numbers rise by one position with every change. */
export interface TableHistory {
  /**
   * Replaces or inserts an item.
   * @throws {ConfigError} CONFIG_INVALID when it changes nothing: DynamoDB writes no record for that.
   */
  readonly put: (item: PlainItem) => StreamRecord;
  /** Removes the item with these keys. @throws {ConfigError} CONFIG_INVALID when there is none. */
  readonly remove: (keys: PlainItem) => StreamRecord;
  /** Removes the item as DynamoDB's TTL service does. @throws {ConfigError} CONFIG_INVALID when there is none. */
  readonly expire: (keys: PlainItem) => StreamRecord;
  /** Disables the stream and enables it again: later records have another ARN, and their positions start anew. */
  readonly recreateStream: (streamLabel: string) => void;
  /** The items that the table holds now, in the order of their first insertion. */
  readonly items: () => readonly PlainItem[];
  /** Every record so far, oldest first. */
  readonly records: () => readonly StreamRecord[];
}

/** An empty table whose changes come back as stream records. */
export const tableHistory = (options: HistoryOptions = {}): TableHistory => {
  const { keyNames = ["pk", "sk"] } = options;
  const items = new Map<string, PlainItem>();
  const records: StreamRecord[] = [];
  let stream = options;
  let position = 0;

  const keyOf = (item: PlainItem): string =>
    imageToJson(toImage(Object.fromEntries(keyNames.map((name) => [name, item[name]]))));

  const record = (change: RecordOptions): StreamRecord => {
    position += 1;
    const made = streamRecord({ ...stream, ...change, position });
    records.push(made);
    return made;
  };

  const put = (item: PlainItem): StreamRecord => {
    const key = keyOf(item);
    const before = items.get(key);
    if (before !== undefined && imageToJson(toImage(before)) === imageToJson(toImage(item))) {
      throw new ConfigError("CONFIG_INVALID", "[testing] item: it equals the one there, which makes no stream record");
    }
    items.set(key, item);
    return record({ before, after: item });
  };

  const removeAs = (keys: PlainItem, isTtlRemoval: boolean): StreamRecord => {
    const key = keyOf(keys);
    const before = items.get(key);
    if (before === undefined) throw new ConfigError("CONFIG_INVALID", "[testing] keys: the table has no such item");
    items.delete(key);
    return record({ before, isTtlRemoval });
  };

  return {
    put,
    remove: (keys) => removeAs(keys, false),
    expire: (keys) => removeAs(keys, true),
    recreateStream: (streamLabel) => {
      stream = { ...stream, streamLabel };
      position = 0;
    },
    items: () => [...items.values()],
    records: () => [...records],
  };
};
