// Writes one item by a conditional put. With option `movingKey`, more requests follow if the condition fails.

import { type SdkItem, type SdkValue, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { classify, isConditionFailed } from "../classify.ts";
import type { CallDynamodb } from "../client/client.ts";
import { guarded, type ItemWrite } from "../encode.ts";
import type { DynamodbSettings } from "../options.ts";
import { decide, type GuardDecision, type ItemGuard, readGuard, wireGuard } from "./guard.ts";

/** The outcome of a write that did not fail. */
export type ItemOutcome = Exclude<WriteResult["outcome"], "failed">;

/** Writes one item of the target. Rejects with a SinkError. */
export type WriteItem = (write: ItemWrite, signal: AbortSignal) => Promise<ItemOutcome>;

/** The input members that make a request conditional. */
interface WriteCondition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, SdkValue>;
}

// If a target item has no guard, the sink has never written it. Every change replaces such an item.

const isNewer = ({ guardAttribute }: DynamodbSettings, { version }: ItemWrite): WriteCondition => ({
  ConditionExpression: "attribute_not_exists(#g.#v) OR #g.#v < :v",
  ExpressionAttributeNames: { "#g": guardAttribute, "#v": "v" },
  ExpressionAttributeValues: { ":v": { S: version } },
});

const isNewerOfOwner = ({ guardAttribute }: DynamodbSettings, { version, owner = "" }: ItemWrite): WriteCondition => ({
  ConditionExpression: "attribute_not_exists(#g.#v) OR (#g.#o = :o AND #g.#v < :v AND attribute_not_exists(#g.#l))",
  ExpressionAttributeNames: { "#g": guardAttribute, "#v": "v", "#o": "o", "#l": "left" },
  ExpressionAttributeValues: { ":v": { S: version }, ":o": { S: owner } },
});

const isUnchanged = ({ guardAttribute }: DynamodbSettings, seen: SdkValue): WriteCondition => ({
  ConditionExpression: "#g = :seen",
  ExpressionAttributeNames: { "#g": guardAttribute },
  ExpressionAttributeValues: { ":seen": seen },
});

/** Creates the update that adds a departure to another owner's item, and that delays the expiry of a tombstone. */
const departureUpdate = (settings: DynamodbSettings, { key, expires }: ItemWrite, seen: SdkValue, guard: ItemGuard) => {
  const condition = isUnchanged(settings, seen);
  return {
    TableName: settings.table,
    Key: key,
    ...condition,
    UpdateExpression: guard.isRemoved ? "SET #g = :g, #t = :t" : "SET #g = :g",
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      ...(guard.isRemoved && { "#t": settings.ttlAttribute }),
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ":g": wireGuard(guard),
      ...(guard.isRemoved && { ":t": { N: String(expires) } }),
    },
  };
};

/** Resolves with true if the request succeeds, with false if its condition fails. */
const isWritten = async (settings: DynamodbSettings, request: Promise<unknown>): Promise<boolean> => {
  try {
    await request;
    return true;
  } catch (error) {
    if (isConditionFailed(error)) return false;
    throw classify(settings.name, error);
  }
};

/** Reads a key's guard. A failed put could return the guard (`ALL_OLD`), but the SDK cannot parse every old item. */
const readGuardValue = async (
  { table, name, guardAttribute }: DynamodbSettings,
  call: CallDynamodb,
  Key: SdkItem,
  signal: AbortSignal,
): Promise<SdkValue | undefined> => {
  const input = {
    TableName: table,
    Key,
    ConsistentRead: true,
    ProjectionExpression: "#g",
    ExpressionAttributeNames: { "#g": guardAttribute },
  };
  try {
    const { Item } = await call("GetItem", input, signal);
    return Item?.[guardAttribute] as SdkValue | undefined;
  } catch (error) {
    throw classify(name, error);
  }
};

/** Writes without option `movingKey`: each key belongs to one source item, so one request is enough. */
const writeFixed =
  (settings: DynamodbSettings, call: CallDynamodb): WriteItem =>
  async (write, signal) => {
    const input = { TableName: settings.table, Item: guarded(settings, write), ...isNewer(settings, write) };
    return (await isWritten(settings, call("PutItem", input, signal))) ? "delivered" : "superseded";
  };

const decideMoving = (settings: DynamodbSettings, guard: ItemGuard, write: ItemWrite): GuardDecision => {
  const times = { now: Math.floor(settings.now() / 1000), expires: write.expires };
  return decide(guard, { ...write, owner: write.owner ?? "" }, times);
};

/** Maximum number of attempts if other writers change the key during each attempt. */
const maxAttempts = 6;

/** Writes with option `movingKey`. More than one request is needed only if the condition of the first put fails. */
const writeMoving = (settings: DynamodbSettings, call: CallDynamodb): WriteItem => {
  const put = (Item: SdkItem, condition: WriteCondition, signal: AbortSignal): Promise<boolean> =>
    isWritten(settings, call("PutItem", { TableName: settings.table, Item, ...condition }, signal));

  /** Reads the guard, then writes. Returns undefined if another writer changed the key in between. */
  const attempt = async (write: ItemWrite, signal: AbortSignal): Promise<ItemOutcome | undefined> => {
    const seen = await readGuardValue(settings, call, write.key, signal);
    const guard = readGuard(seen);
    if (seen === undefined || guard === undefined) {
      return (await put(guarded(settings, write), isNewerOfOwner(settings, write), signal)) ? "delivered" : undefined;
    }
    const decision = decideMoving(settings, guard, write);
    if (decision.kind === "superseded") return "superseded";
    const isDone =
      decision.kind === "keep"
        ? isWritten(settings, call("UpdateItem", departureUpdate(settings, write, seen, decision.guard), signal))
        : put(guarded(settings, write, decision.departures), isUnchanged(settings, seen), signal);
    return (await isDone) ? "delivered" : undefined;
  };

  return async (write, signal) => {
    if (await put(guarded(settings, write), isNewerOfOwner(settings, write), signal)) return "delivered";
    for (let attempts = 1; attempts < maxAttempts; attempts += 1) {
      const outcome = await attempt(write, signal);
      if (outcome !== undefined) return outcome;
    }
    const message = `[${settings.name}] other writers changed the item during all ${maxAttempts} attempts`;
    throw new SinkError("SINK_CONFLICT", message);
  };
};

/** Creates a function that predicts the outcome of a write. The function reads the guard, but writes nothing. */
export const dryRunnerOf = (settings: DynamodbSettings, call: CallDynamodb): WriteItem => {
  const isStale = (guard: ItemGuard, write: ItemWrite): boolean =>
    settings.movingKey === undefined
      ? guard.version >= write.version
      : decideMoving(settings, guard, write).kind === "superseded";
  return async (write, signal) => {
    const guard = readGuard(await readGuardValue(settings, call, write.key, signal));
    return guard !== undefined && isStale(guard, write) ? "superseded" : "delivered";
  };
};

/** Creates the function that writes target items. */
export const writerOf = (settings: DynamodbSettings, call: CallDynamodb): WriteItem =>
  settings.movingKey === undefined ? writeFixed(settings, call) : writeMoving(settings, call);
