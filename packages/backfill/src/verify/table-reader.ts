// Strongly consistent reads of items by their keys.

import { type Image, itemKeyOf, wireImage } from "@sluice/core/envelope";
import { type Clock, type SdkItem, sdkItem, systemClock } from "@sluice/core/sink-kit";
import type { ReadRate } from "../rate/read-rate.ts";
import { keysOf } from "../record/records.ts";
import { withRetries } from "../source/retries.ts";
import { SourceError } from "../source/source.ts";
import { tableFailure } from "../source/source-failure.ts";

/** Reads items of the source table. */
export interface TableReader {
  /**
   * Reads the items with these keys, strongly consistently. Returns them by `itemKeyOf(keys)`, with base64 text in place of
   * bytes; items that do not exist are not in the map. With `keysOnly`, the items have only their key attributes.
   * @throws {SourceError} when the table cannot be read, or the signal aborts.
   */
  readonly read: (
    keys: readonly Image[],
    signal: AbortSignal,
    options?: { readonly keysOnly?: boolean },
  ) => Promise<ReadonlyMap<string, Image>>;
}

/** The keys that a request asks for. */
interface KeysAndAttributes {
  readonly Keys: Record<string, SdkItem[string]>[];
  readonly ConsistentRead: true;
  readonly ProjectionExpression?: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
}

/** The input of a read of some items. */
export interface BatchGetInput {
  readonly RequestItems: Record<string, KeysAndAttributes>;
  readonly ReturnConsumedCapacity: "TOTAL";
}

/** The part of the answer that the reader reads. */
export interface BatchGetOutput {
  readonly Responses?: { readonly [table: string]: readonly { readonly [attribute: string]: unknown }[] } | undefined;
  readonly UnprocessedKeys?:
    | { readonly [table: string]: { readonly Keys?: readonly object[] | undefined } }
    | undefined;
  readonly ConsumedCapacity?: readonly { readonly CapacityUnits?: number | undefined }[] | undefined;
  readonly $metadata?: { readonly attempts?: number | undefined } | undefined;
}

/** The call of `DynamoDB` from `@aws-sdk/client-dynamodb` that the reader makes; your own client fits. */
export interface BatchGetClient {
  readonly batchGetItem: (
    input: BatchGetInput,
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<BatchGetOutput>;
}

/** Options of `tableReader`. */
export interface TableReaderOptions {
  readonly client: BatchGetClient;
  /** Name or ARN of the table. */
  readonly table: string;
  readonly keyNames: readonly string[];
  /** The read capacity units per second, which the scan may share. Default: no limit. */
  readonly rate?: ReadRate | undefined;
  readonly clock?: Pick<Clock, "sleep" | "random"> | undefined;
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html (read 2026-11-28) */
const maxKeys = 100;

/** Answers in a row in which no key was processed. The table is then throttled for a minute or longer. */
const maxEmptyAnswers = 15;

const firstDelayMs = 50;
const longestDelayMs = 5_000;

const projection = (
  keyNames: readonly string[],
): Pick<KeysAndAttributes, "ProjectionExpression" | "ExpressionAttributeNames"> => ({
  ProjectionExpression: keyNames.map((_, index) => `#k${index}`).join(", "),
  ExpressionAttributeNames: Object.fromEntries(keyNames.map((name, index) => [`#k${index}`, name])),
});

/** The only table of a request, under whichever name DynamoDB returns it. */
const only = <Value>(byTable: { readonly [table: string]: Value } | undefined): Value | undefined =>
  Object.values(byTable ?? {})[0];

type Keys = KeysAndAttributes["Keys"];

const requestInTurn = async (
  { client, table, keyNames, rate }: TableReaderOptions,
  wanted: Keys,
  keysOnly: boolean,
  signal: AbortSignal,
): Promise<BatchGetOutput | undefined> => {
  const spend = await rate?.take(signal);
  let units = 0;
  try {
    if (signal.aborted) return undefined;
    const RequestItems = {
      [table]: { Keys: wanted, ConsistentRead: true as const, ...(keysOnly && projection(keyNames)) },
    };
    const output = await client.batchGetItem(
      { RequestItems, ReturnConsumedCapacity: "TOTAL" },
      { abortSignal: signal },
    );
    units = output.ConsumedCapacity?.[0]?.CapacityUnits ?? wanted.length;
    if ((output.$metadata?.attempts ?? 1) > 1) rate?.throttled();
    return output;
  } finally {
    spend?.(units);
  }
};

const request = async (
  options: TableReaderOptions,
  wanted: Keys,
  keysOnly: boolean,
  signal: AbortSignal,
): Promise<{ readonly items: readonly Image[]; readonly left: Keys }> => {
  const { table, rate, clock } = options;
  const output = await withRetries(() => requestInTurn(options, wanted, keysOnly, signal), {
    failureOf: (error) => tableFailure(table, error),
    onThrottled: () => rate?.throttled(),
    clock,
    signal,
  });
  if (output === undefined) throw new SourceError(`[table ${table}] the read was interrupted`, { isTransient: true });
  const items = (only(output.Responses) ?? []) as readonly Image[];
  return { items: items.map(wireImage), left: (only(output.UnprocessedKeys)?.Keys ?? []) as Keys };
};

const readPart = async (
  options: TableReaderOptions,
  keys: readonly Image[],
  keysOnly: boolean,
  signal: AbortSignal,
): Promise<readonly Image[]> => {
  const { table, rate, clock = systemClock } = options;
  const found: Image[] = [];
  let wanted = keys.map((one) => sdkItem(one));
  let empty = 0;
  while (wanted.length > 0) {
    const { items, left } = await request(options, wanted, keysOnly, signal);
    found.push(...items);
    empty = left.length < wanted.length ? 0 : empty + 1;
    if (empty === maxEmptyAnswers) {
      const unread = `DynamoDB processed none of ${left.length} keys in ${empty} requests in a row`;
      throw new SourceError(`[table ${table}] ${unread}; expected items. Lower the rate of this run`, {
        isTransient: true,
      });
    }
    if (left.length > 0) {
      rate?.throttled();
      await clock.sleep(Math.min(firstDelayMs * 2 ** empty, longestDelayMs), signal);
    }
    wanted = left;
  }
  return found;
};

/** An item that DynamoDB returns under another spelling of its key would be missing under the spelling that was asked for. */
const checkAsked = (isAsked: boolean, { table }: TableReaderOptions): void => {
  if (isAsked) return;
  const found = "DynamoDB returned an item whose key is spelled in another way than the key that was asked for";
  throw new SourceError(`[table ${table}] ${found}; expected numbers without zeros at an end, and base64 with padding`);
};

/**
 * Creates a reader. Requests have at most 100 keys, each once, because DynamoDB refuses a key that is there twice; keys that
 * DynamoDB left unprocessed are asked again.
 */
export const tableReader = (options: TableReaderOptions): TableReader => ({
  read: async (keys, signal, { keysOnly = false } = {}) => {
    const asked = new Map(keys.map((one) => [itemKeyOf(one), one]));
    const distinct = [...asked.values()];
    const found = new Map<string, Image>();
    for (let from = 0; from < distinct.length; from += maxKeys) {
      for (const item of await readPart(options, distinct.slice(from, from + maxKeys), keysOnly, signal)) {
        const text = itemKeyOf(keysOf(item, options.keyNames));
        checkAsked(asked.has(text), options);
        found.set(text, item);
      }
    }
    return found;
  },
});
