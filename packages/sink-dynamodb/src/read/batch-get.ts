// Reads many items by their keys. DynamoDB may leave keys of a request unprocessed; they are read again after a while.

import { setTimeout } from "node:timers/promises";
import { chunk, eachBounded, notStarted, type SdkItem, SinkError } from "@sluice/core/sink-kit";
import { classify } from "../classify.ts";
import type { CallDynamodb } from "../client/client.ts";
import type { DynamodbSettings } from "../options.ts";
import { keyText } from "../write/key.ts";

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html (read 2026-11-28) */
const maxKeys = 100;

/** Maximum number of requests in flight. An answer may have 16 MB. */
const maxInFlight = 4;

/** How many requests in a row may return no item, although keys are left. */
const maxIdleRequests = 6;

const firstPauseMs = 50;

/** Waits between requests: each time up to twice as long, and a random part of the time, so that readers spread out. */
const pause = async (sink: string, idle: number, signal: AbortSignal): Promise<void> => {
  await setTimeout(Math.random() * firstPauseMs * 2 ** idle, undefined, { signal }).catch(() => undefined);
  if (signal.aborted) throw notStarted(sink);
};

const readOnce = async (
  { table, name }: DynamodbSettings,
  call: CallDynamodb,
  keys: readonly SdkItem[],
  signal: AbortSignal,
) => {
  try {
    const request = { RequestItems: { [table]: { Keys: [...keys], ConsistentRead: true } } };
    const { Responses = {}, UnprocessedKeys = {} } = await call("BatchGetItem", request, signal);
    // DynamoDB answers by the name or ARN that the request has. There is only this table.
    const [items = []] = Object.values(Responses);
    const left = Object.values(UnprocessedKeys).flatMap(({ Keys = [] }) => Keys);
    return { items: items as SdkItem[], left: left as SdkItem[] };
  } catch (error) {
    throw classify(name, error);
  }
};

const throttled = ({ name }: DynamodbSettings, left: number): SinkError =>
  new SinkError(
    "SINK_THROTTLED",
    `[${name}] DynamoDB left ${left} keys unread in ${maxIdleRequests} requests in a row`,
  );

/** Returns the part of an item that is its key. The members have the order of `like`. */
const keyIn = (item: SdkItem, like: SdkItem): SdkItem =>
  Object.fromEntries(Object.keys(like).flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));

/** Returns the items by the text of their keys. */
export type ItemsByKey = ReadonlyMap<string, SdkItem>;

/**
 * Reads the items at these keys, strongly consistently. A key may be given more than once.
 * @throws {SinkError} when a request fails, SINK_THROTTLED when DynamoDB leaves the same keys unprocessed again and again.
 */
export const readItems = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  keys: readonly SdkItem[],
  signal: AbortSignal,
): Promise<ItemsByKey> => {
  const found = new Map<string, SdkItem>();
  const [like = {}] = keys;
  const different = [...new Map(keys.map((key) => [keyText(key), key])).values()];
  const readAll = async (part: readonly SdkItem[]): Promise<void> => {
    let left = part;
    for (let idle = 0; left.length > 0; ) {
      if (idle === maxIdleRequests) throw throttled(settings, left.length);
      const answer = await readOnce(settings, call, left, signal);
      for (const item of answer.items) found.set(keyText(keyIn(item, like)), item);
      idle = answer.items.length > 0 || answer.left.length < left.length ? 0 : idle + 1;
      left = answer.left;
      if (left.length > 0) await pause(settings.name, idle, signal);
    }
  };
  await eachBounded(chunk(different, { maxEntries: maxKeys }), Math.min(settings.concurrency, maxInFlight), readAll);
  return found;
};
