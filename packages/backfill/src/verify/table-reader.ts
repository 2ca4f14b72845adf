// Strongly consistent reads of items by their keys.

import { type Image, itemKeyOf } from "@sluice/core/envelope";
import { type Clock, systemClock } from "@sluice/core/sink-kit";
import { SourceError } from "../source/source.ts";

/** Reads items of the source table. */
export interface TableReader {
  /**
   * Reads the items with these keys, strongly consistently. Returns them by `itemKeyOf(keys)`; items that do not exist are
   * not in the map. With `keysOnly`, the items have only their key attributes.
   * @throws {SourceError} when the table cannot be read.
   */
  readonly read: (
    keys: readonly Image[],
    signal: AbortSignal,
    options?: { readonly keysOnly?: boolean },
  ) => Promise<ReadonlyMap<string, Image>>;
}

interface BatchGetInput {
  readonly RequestItems: { readonly [table: string]: KeysAndAttributes };
  readonly ReturnConsumedCapacity: "TOTAL";
}

interface KeysAndAttributes {
  Keys: Record<string, never>[];
  ConsistentRead: true;
  ProjectionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
}

interface BatchGetOutput {
  readonly Responses?: { readonly [table: string]: readonly unknown[] } | undefined;
  readonly UnprocessedKeys?:
    | { readonly [table: string]: { readonly Keys?: readonly unknown[] | undefined } }
    | undefined;
  readonly ConsumedCapacity?: readonly { readonly CapacityUnits?: number | undefined }[] | undefined;
}

/** The part of the SDK's `DynamoDB` that the reader uses. */
export interface BatchGetClient {
  readonly batchGetItem: (input: never, options: { readonly abortSignal: AbortSignal }) => Promise<unknown>;
}

/** Options of `tableReader`. */
export interface TableReaderOptions {
  readonly client: BatchGetClient;
  /** Name or ARN of the table. */
  readonly table: string;
  readonly keyNames: readonly string[];
  /** Called after each response with the read capacity units that it cost. A rate limiter makes the reader wait here. */
  readonly spend?: (readUnits: number, signal: AbortSignal) => Promise<void>;
  readonly clock?: Clock;
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html (read 2026-11-28) */
const maxKeys = 100;

/** DynamoDB returns no item of a request if the table is throttled. The SDK has then made its own attempts. */
const maxEmptyAnswers = 10;

const firstDelayMs = 50;
const longestDelayMs = 5_000;

const bytesOfKey = (keys: Image): Record<string, never> =>
  Object.fromEntries(
    Object.entries(keys).map(([name, value]) => [
      name,
      ("B" in value && typeof value.B === "string" ? { B: Buffer.from(value.B, "base64") } : value) as never,
    ]),
  );

const projection = (
  keyNames: readonly string[],
): Pick<KeysAndAttributes, "ProjectionExpression" | "ExpressionAttributeNames"> => ({
  ProjectionExpression: keyNames.map((_, index) => `#k${index}`).join(", "),
  ExpressionAttributeNames: Object.fromEntries(keyNames.map((name, index) => [`#k${index}`, name])),
});

/** The only table of a request, under whichever name DynamoDB returns it. */
const only = <Value>(byTable: { readonly [table: string]: Value } | undefined): Value | undefined =>
  Object.values(byTable ?? {})[0];

/** Creates a reader. Requests have at most 100 keys; keys that DynamoDB left unprocessed are asked again. */
export const tableReader = (options: TableReaderOptions): TableReader => {
  const { client, table, keyNames, spend, clock = systemClock } = options;
  const keyOf = (item: Image): string =>
    itemKeyOf(Object.fromEntries(keyNames.map((name) => [name, item[name] as never])));

  const request = async (keys: readonly unknown[], keysOnly: boolean, signal: AbortSignal): Promise<BatchGetOutput> => {
    const one: KeysAndAttributes = {
      Keys: keys as Record<string, never>[],
      ConsistentRead: true,
      ...(keysOnly && projection(keyNames)),
    };
    const input: BatchGetInput = { RequestItems: { [table]: one }, ReturnConsumedCapacity: "TOTAL" };
    try {
      return (await client.batchGetItem(input as never, { abortSignal: signal })) as BatchGetOutput;
    } catch (cause) {
      const { name, message } = cause as Error;
      throw new SourceError(`table ${table} could not be read: ${name}: ${message}`, { cause });
    }
  };

  const readSome = async (
    keys: readonly Image[],
    keysOnly: boolean,
    signal: AbortSignal,
    items: Map<string, Image>,
  ): Promise<void> => {
    let wanted: readonly unknown[] = keys.map(bytesOfKey);
    let emptyAnswers = 0;
    while (wanted.length > 0) {
      if (signal.aborted) throw new SourceError("the read of the table was interrupted", { isTransient: true });
      const { Responses, UnprocessedKeys, ConsumedCapacity } = await request(wanted, keysOnly, signal);
      const found = (only(Responses) ?? []) as readonly Image[];
      for (const item of found) items.set(keyOf(item), item);
      await spend?.(ConsumedCapacity?.[0]?.CapacityUnits ?? wanted.length, signal);
      const left = only(UnprocessedKeys)?.Keys ?? [];
      emptyAnswers = left.length < wanted.length ? 0 : emptyAnswers + 1;
      wanted = left;
      if (emptyAnswers > maxEmptyAnswers) {
        const found = `table ${table} left all ${left.length} keys of a request unprocessed, ${emptyAnswers} times in a row`;
        throw new SourceError(`${found}; expected items. Lower --rcu, or raise the table's read capacity`, {
          isTransient: true,
        });
      }
      if (left.length > 0) await clock.sleep(Math.min(firstDelayMs * 2 ** emptyAnswers, longestDelayMs), signal);
    }
  };

  return {
    read: async (keys, signal, { keysOnly = false } = {}) => {
      const items = new Map<string, Image>();
      for (let from = 0; from < keys.length; from += maxKeys) {
        await readSome(keys.slice(from, from + maxKeys), keysOnly, signal, items);
      }
      return items;
    },
  };
};
