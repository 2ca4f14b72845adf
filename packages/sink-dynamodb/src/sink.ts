// The factory: options in, a sink out. Nothing connects before the first write.

import {
  ConfigError,
  DeadlineError,
  type DeliveryError,
  delivered,
  eachBounded,
  failed,
  type LiveChange,
  type MappedSink,
  outcomeOf,
  RecordError,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { classify } from "./classify.ts";
import { type Connection, connect } from "./client/client.ts";
import { compileEncode, type Write, type Writes } from "./encode.ts";
import { checkOptions, type DynamodbSinkOptions, type Settings } from "./options.ts";
import { type EnsureOptions, ensureTable } from "./schema/ensure.ts";
import { describeTarget, loopCheck } from "./schema/table.ts";
import { type AttributeValues, attributeValues } from "./write/marshal.ts";
import { peekerOf, type WriteItem, type Written, writerOf } from "./write/write-item.ts";

/**
 * An item as a mapper returns it, in native values: strings, numbers, BigInts, `NumberValue`s, booleans, null,
 * `Uint8Array`s, `Set`s, arrays, `Map`s and objects. The target's key may be left out.
 */
export type DynamodbItem = { readonly [attribute: string]: unknown };

/** What a mapper returns: a native item, or attribute values that `attributeValues` has marked. */
export type DynamodbMessage = DynamodbItem | AttributeValues;

/** Leaves tombstones out of a Query or Scan: spread it into the input. */
export interface LiveFilter {
  readonly FilterExpression: string;
  readonly ExpressionAttributeNames: { readonly [placeholder: string]: string };
}

/** Keeps the items of a table equal to the items that are mapped to it. Without a mapper they are copied as they are. */
export interface DynamodbSink extends MappedSink<DynamodbMessage, "upsert"> {
  /**
   * Sets up what the table lacks: TTL, and with `create` the table itself. Returns what it did, one line for each call.
   * @throws {ConfigError} CONFIG_INVALID when the table contradicts the options
   * @throws {SinkError} as `write` does
   */
  readonly ensure: (options?: EnsureOptions) => Promise<readonly string[]>;
  /** For readers of the target. */
  readonly liveFilter: LiveFilter;
  /** Ends the client that the sink made; your own stays open. */
  readonly close: () => Promise<void>;
}

const overdue = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the item was written");

/** Whether the delivery is over for good, so that its tombstones must not wait for it. */
const isFinal = (result: Written | DeliveryError): boolean =>
  typeof result === "string" || outcomeOf(result.code) === "reject";

/** Runs one write; what the target says against it is the result. */
const resultOf = async (
  writeItem: WriteItem,
  write: Write | SinkError,
  signal: AbortSignal,
): Promise<Written | DeliveryError> => {
  if (write instanceof SinkError) return write;
  if (signal.aborted) return overdue();
  try {
    return await writeItem(write, signal);
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
};

/**
 * All writes of a delivery, one after the other. A rejected item still leaves its former keys, as it is not there; what
 * must come again does not. The item's own result is the delivery's.
 */
const runWrites = async (
  { item, tombstones }: Writes,
  writeItem: WriteItem,
  signal: AbortSignal,
): Promise<Written | DeliveryError> => {
  const own = item === undefined ? undefined : await resultOf(writeItem, item, signal);
  if (own !== undefined && !isFinal(own)) return own;
  const results: Written[] = [];
  for (const tombstone of tombstones) {
    const result = await resultOf(writeItem, tombstone, signal);
    if (typeof result !== "string") return result;
    results.push(result);
  }
  if (own !== undefined) return own;
  return results.length > 0 && results.every((result) => result === "superseded") ? "superseded" : "delivered";
};

const settlementOf = (delivery: UpsertDelivery<unknown>, result: Written | DeliveryError): WriteResult => {
  if (result === "delivered") return delivered(delivery);
  return result === "superseded" ? superseded(delivery) : failed(delivery, result);
};

/** By code and not by class: the user's function may throw the error of another copy of core. */
const isRecordError = (error: unknown): error is RecordError =>
  error instanceof Error && "code" in error && /^(RECORD|MAPPING)_/.test(String(error.code));

/** The target, known: what every delivery is written with. */
interface Plan {
  readonly checkSource: (streamArn: string | undefined) => void;
  readonly encode: (delivery: UpsertDelivery<unknown>) => Writes;
  readonly writeItem: WriteItem;
  readonly peekItem: WriteItem;
}

const planOf = async (settings: Settings, { call }: Connection, signal: AbortSignal): Promise<Plan> => {
  const target = await describeTarget(settings, call, signal);
  return {
    checkSource: loopCheck(target),
    encode: compileEncode(settings, target),
    writeItem: writerOf(settings, call),
    peekItem: peekerOf(settings, call),
  };
};

const deliverWith =
  (encode: Plan["encode"], writeItem: WriteItem, { signal }: WriteContext) =>
  async (delivery: UpsertDelivery<unknown>): Promise<WriteResult> => {
    if (signal.aborted) return failed(delivery, overdue());
    try {
      return settlementOf(delivery, await runWrites(encode(delivery), writeItem, signal));
    } catch (error) {
      if (error instanceof SinkError || isRecordError(error)) return failed(delivery, error);
      throw error;
    }
  };

/** Makes the calls that take a batch: they share the plan. */
const callsOf = (
  settings: Settings,
  connection: Connection,
): ((item: "writeItem" | "peekItem") => DynamodbSink["write"]) => {
  let plan: Plan | undefined;
  const planFor = async (signal: AbortSignal): Promise<Plan | SinkError> => {
    try {
      return await planOf(settings, connection, signal);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const told = classify(settings.name, error);
      if (told.code === "SINK_TIMEOUT") return told;
      throw told;
    }
  };
  return (item) => async (batch, context) => {
    if (batch.length === 0) return [];
    if (context.signal.aborted) return batch.map((delivery) => failed(delivery, overdue()));
    const found = plan ?? (await planFor(context.signal));
    if (found instanceof SinkError) return batch.map((delivery) => failed(delivery, found));
    plan = found;
    for (const { change } of batch) found.checkSource(change.record.eventSourceARN);
    return eachBounded(batch, settings.concurrency, deliverWith(found.encode, found[item], context));
  };
};

/** The item as it stands in the record. */
const copyOf = (change: LiveChange<unknown>): AttributeValues => {
  const image = change.record.dynamodb?.NewImage;
  if (image !== undefined) return attributeValues(image);
  throw new RecordError("RECORD_INCOMPLETE", `a record of view type ${change.viewType} carries no new image`);
};

/**
 * Makes a sink that keeps a DynamoDB table equal to the mapped items: one conditional put for each, guarded by version.
 * Without a mapper it copies items as they stand in the record. Connects at the first write, not before; that write
 * rejects with a ConfigError when the table is the source of the stream, or when its key is another than `key` says.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name
 */
export const dynamodbSink = (options: DynamodbSinkOptions): DynamodbSink => {
  const settings = checkOptions(options);
  const connection = connect(settings.client, settings.concurrency);
  const calling = callsOf(settings, connection);
  return {
    name: settings.name,
    supports: { writes: "upsert" },
    map: copyOf,
    write: calling("writeItem"),
    dryRun: calling("peekItem"),
    ensure: (ensure) => ensureTable(settings, connection.call, ensure),
    liveFilter: Object.freeze({
      FilterExpression: "attribute_not_exists(#sluice.#removed)",
      ExpressionAttributeNames: Object.freeze({ "#sluice": settings.guardAttribute, "#removed": "removed" }),
    }),
    close: connection.close,
  };
};
