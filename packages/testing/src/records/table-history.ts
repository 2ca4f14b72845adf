// A table in memory that returns the stream record of each put and removal.

import { ConfigError, checkOptionNames, imageToJson, type StreamRecord } from "@sluice/core/sink-kit";
import { type PlainItem, toImage } from "./image.ts";
import { type RecordOptions, streamRecord } from "./stream-record.ts";

/** Options that apply to all records of a history. */
export type HistoryOptions = Pick<RecordOptions, "keyNames" | "viewType" | "tableName" | "streamLabel">;

/** A table's items and the stream of their changes. Each change has the next position in the stream. */
export interface TableHistory {
  /**
   * Replaces or inserts an item.
   * @throws {ConfigError} CONFIG_INVALID when the table holds an equal item. DynamoDB writes no record in that case.
   */
  readonly put: (item: PlainItem) => StreamRecord;
  /** Removes the item with these keys. @throws {ConfigError} CONFIG_INVALID when the table has no such item. */
  readonly remove: (keys: PlainItem) => StreamRecord;
  /** Removes the item as DynamoDB's TTL service does. @throws {ConfigError} CONFIG_INVALID when the table has no such item. */
  readonly expire: (keys: PlainItem) => StreamRecord;
  /** Disables and re-enables the stream. Later records have another ARN, and their positions start at 1 again. */
  readonly recreateStream: (streamLabel: string) => void;
  /** The current items, in the order of their first insertion. */
  readonly items: () => readonly PlainItem[];
  /** Every record so far, oldest first. */
  readonly records: () => readonly StreamRecord[];
}

/** Creates an empty table. */
export const tableHistory = (options: HistoryOptions = {}): TableHistory => {
  checkOptionNames("tableHistory", options, { keyNames: true, viewType: true, tableName: true, streamLabel: true });
  const { keyNames = ["pk", "sk"] } = options;
  const items = new Map<string, PlainItem>();
  const records: StreamRecord[] = [];
  let stream = options;
  let position = 0;

  const keyOf = (item: PlainItem): string =>
    imageToJson(toImage(Object.fromEntries(keyNames.map((name) => [name, item[name]]))));

  const record = (change: RecordOptions): StreamRecord => {
    position += 1;
    const next = streamRecord({ ...stream, ...change, position });
    records.push(next);
    return next;
  };

  const put = (item: PlainItem): StreamRecord => {
    const key = keyOf(item);
    const before = items.get(key);
    if (before !== undefined && imageToJson(toImage(before)) === imageToJson(toImage(item))) {
      throw new ConfigError(
        "CONFIG_INVALID",
        "[testing] item: the table holds an equal item already, so DynamoDB writes no stream record",
      );
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
