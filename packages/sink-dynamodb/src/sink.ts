// Creates the sink from its options. The sink connects at its first write.

import {
  type DeliveryError,
  delivered,
  eachBounded,
  encodeEach,
  failed,
  imageOf,
  type LiveChange,
  type MappedSink,
  notStarted,
  orSinkError,
  outcomeOf,
  superseded,
  type UpsertDelivery,
  type WriteResult,
  withinDeadline,
} from "@sluice/core/sink-kit";
import { connect, type DynamodbConnection } from "./client/client.ts";
import { targetName } from "./client/target-name.ts";
import type { DeliveryWrites, ItemWrite } from "./encode.ts";
import { checkOptions, type DynamodbSettings, type DynamodbSinkOptions } from "./options.ts";
import { canonicalCopies, readCopies } from "./read/copies.ts";
import { listKeys } from "./read/list-keys.ts";
import { type DynamodbEnsureOptions, ensureTable } from "./schema/ensure.ts";
import { type AttributeValues, attributeValues } from "./write/marshal.ts";
import { type TableWriter, type TableWriters, tableWriterCache, type WriteBatch } from "./write/table-writer.ts";
import type { ItemOutcome, WriteItem } from "./write/write-item.ts";

/**
 * An item that a mapper returns, in native values: strings, numbers, BigInts, `NumberValue`s, booleans, null,
 * `Uint8Array`s, `Set`s, arrays, `Map`s and objects. The item may omit the target's key.
 */
export type DynamodbItem = { readonly [attribute: string]: unknown };

/** What a mapper returns: an item of native values, or the result of `attributeValues`. */
export type DynamodbMessage = DynamodbItem | AttributeValues;

/** Input members for a Query or Scan. They exclude tombstones. */
export interface LiveFilter {
  readonly FilterExpression: string;
  readonly ExpressionAttributeNames: { readonly [placeholder: string]: string };
}

/** Keeps the items of a table equal to the mapped items. Without a mapper, the sink copies source items unchanged. */
export interface DynamodbSink extends MappedSink<DynamodbMessage, "upsert"> {
  /**
   * Turns on TTL if it is off. With `create`, creates a missing table. Returns one line of text for each change.
   * @throws {ConfigError} CONFIG_INVALID when the table does not fit the options.
   * @throws {SinkError} when a request to DynamoDB fails.
   */
  readonly ensure: (options?: DynamodbEnsureOptions) => Promise<readonly string[]>;
  /** The table with the sink's client and its key. Sinks with equal texts write an item to the same target key. */
  readonly target: string;
  /** Excludes tombstones from a Query or Scan of the target: `{ TableName, ...sink.liveFilter }`. */
  readonly liveFilter: LiveFilter;
  /** Closes the client that the sink created. A client that you passed stays open. */
  readonly close: () => Promise<void>;
}

/** Whether the item's result is final. If not, `@sluice/core` will retry the delivery with all its writes. */
const isFinal = (result: ItemOutcome | DeliveryError): boolean =>
  typeof result === "string" || outcomeOf(result.code) === "reject";

/** Runs one write. Returns the write's outcome. If the write fails, returns its error. */
type Attempt = (write: ItemWrite | DeliveryError) => Promise<ItemOutcome | DeliveryError>;

/** The outcome of a delivery whose writes did not fail. */
const outcomeOfAll = (outcomes: readonly ItemOutcome[], onlyIfPresent: boolean): ItemOutcome => {
  if (outcomes.length === 0) return onlyIfPresent ? "superseded" : "delivered";
  return outcomes.every((outcome) => outcome === "superseded") ? "superseded" : "delivered";
};

/**
 * Writes the item, then the tombstones. If the item is rejected, the tombstones are still written, because the source
 * item no longer has its former keys. If the item's error is retryable, the tombstones must wait for the retry.
 * Returns the first error of a tombstone, otherwise the item's result.
 */
const runWrites = async (
  { item, tombstones }: DeliveryWrites,
  onlyIfPresent: boolean,
  attempt: Attempt,
): ReturnType<Attempt> => {
  const own = item === undefined ? undefined : await attempt(item);
  if (own !== undefined && !isFinal(own)) return own;
  const results: ItemOutcome[] = [];
  for (const tombstone of tombstones) {
    const result = await attempt(tombstone);
    if (typeof result !== "string") return result;
    results.push(result);
  }
  return own ?? outcomeOfAll(results, onlyIfPresent);
};

const writeResultOf = (delivery: UpsertDelivery<unknown>, result: ItemOutcome | DeliveryError): WriteResult => {
  if (result === "delivered") return delivered(delivery);
  return result === "superseded" ? superseded(delivery) : failed(delivery, result);
};

const deliverWith = (encode: TableWriter["encode"], writeItem: WriteItem, sink: string, signal: AbortSignal) => {
  const attempt: Attempt = async (write) => {
    if ("code" in write) return write;
    return signal.aborted ? notStarted(sink) : orSinkError(writeItem(write, signal));
  };
  return async (delivery: UpsertDelivery<unknown>): Promise<WriteResult> => {
    if (signal.aborted) return failed(delivery, notStarted(sink));
    const { entries, results } = encodeEach([delivery], encode);
    const [writes] = entries;
    if (writes === undefined) return results[0] as WriteResult;
    return writeResultOf(delivery, await runWrites(writes, delivery.onlyIfPresent === true, attempt));
  };
};

/** Creates `write` and `dryRun`. */
const writesOf =
  ({ name: sink, concurrency }: DynamodbSettings, { withWriter }: TableWriters) =>
  (item: "writeItem" | "dryRunItem"): DynamodbSink["write"] => {
    const writeBatch: WriteBatch = async (writer, batch, signal) => {
      for (const { change } of batch) writer.checkSource(change.record.eventSourceARN);
      return eachBounded(batch, concurrency, deliverWith(writer.encode, writer[item], sink, signal));
    };
    return withinDeadline(sink, (batch, { signal }) => withWriter(writeBatch, batch, signal));
  };

/** Creates the methods by which other programs compare the target with the source. */
const readsOf = (
  settings: DynamodbSettings,
  { call }: DynamodbConnection,
  { writer }: TableWriters,
): Required<Pick<DynamodbSink, "read" | "canonical" | "keys">> => {
  const started = (signal: AbortSignal): Promise<TableWriter> => {
    if (signal.aborted) throw notStarted(settings.name);
    return writer(signal);
  };
  return {
    read: async (batch, { signal }) => readCopies(settings, call, await started(signal), batch, signal),
    canonical: async (batch, { signal }) => canonicalCopies(await started(signal), batch),
    keys: async (request, { signal }) => listKeys(settings, call, (await started(signal)).target, request, signal),
  };
};

const copyOf = (change: LiveChange<unknown>): AttributeValues =>
  attributeValues(imageOf(change, "NewImage", "a copy without a mapper"));

/**
 * Creates a sink that keeps the items of a DynamoDB table equal to the mapped items. A write never replaces a newer
 * version. Without a mapper, items are copied unchanged. The first write connects. It rejects with a ConfigError if
 * changes come from this table's own stream.
 * @throws {ConfigError} CONFIG_INVALID when an option is invalid.
 */
export const dynamodbSink = (options: DynamodbSinkOptions): DynamodbSink => {
  const settings = checkOptions(options);
  const connection = connect(settings.name, settings.client, settings.concurrency);
  const writers = tableWriterCache(settings, connection.call);
  const writeWith = writesOf(settings, writers);
  return {
    name: settings.name,
    target: targetName(settings),
    resource: { service: "dynamodb", address: settings.table },
    supports: { writes: "upsert" },
    map: copyOf,
    write: writeWith("writeItem"),
    dryRun: writeWith("dryRunItem"),
    ...readsOf(settings, connection, writers),
    ensure: (ensure) => ensureTable(settings, connection.call, ensure),
    liveFilter: Object.freeze({
      FilterExpression: "attribute_not_exists(#sluice.#removed)",
      ExpressionAttributeNames: Object.freeze({ "#sluice": settings.guardAttribute, "#removed": "removed" }),
    }),
    prepare: connection.prepare,
    close: connection.close,
  };
};
