// Writes one item by a conditional put. If several source items can have the key, more requests may follow.

import { rejected, type SdkItem, type SdkValue, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { classify, isConditionFailed } from "../classify.ts";
import type { CallDynamodb } from "../client/client.ts";
import { guarded, type ItemWrite } from "../encode.ts";
import type { DynamodbSettings } from "../options.ts";
import { readGuard } from "./guard.ts";
import { decideShared, type SharedDecision } from "./shared-key.ts";

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

/** An item of the same version is replaced only if it is a tombstone and the write is not. */
const newerThanItem = (isRemoved: boolean): string =>
  isRemoved ? "#g.#v < :v" : "(#g.#v < :v OR (#g.#v = :v AND attribute_exists(#g.#r)))";

const newerNames = ({ guardAttribute }: DynamodbSettings, { isRemoved }: ItemWrite): Record<string, string> => ({
  "#g": guardAttribute,
  "#v": "v",
  ...(!isRemoved && { "#r": "removed" }),
});

// If a target item has no guard, the sink has never written it. Every change replaces such an item.

const isNewer = (settings: DynamodbSettings, write: ItemWrite): WriteCondition => ({
  ConditionExpression: `attribute_not_exists(#g.#v) OR ${newerThanItem(write.isRemoved)}`,
  ExpressionAttributeNames: newerNames(settings, write),
  ExpressionAttributeValues: { ":v": { S: write.version } },
});

/** The condition fails if the guard has the state of another owner, because a put would delete this state. */
const isNewerAndAlone = (settings: DynamodbSettings, write: ItemWrite, owner: string): WriteCondition => ({
  ConditionExpression: `attribute_not_exists(#g.#v) OR (#g.#o = :o AND ${newerThanItem(write.isRemoved)} AND attribute_not_exists(#g.#l) AND attribute_not_exists(#g.#h))`,
  ExpressionAttributeNames: { ...newerNames(settings, write), "#o": "o", "#l": "left", "#h": "held" },
  ExpressionAttributeValues: { ":v": { S: write.version }, ":o": { S: owner } },
});

/** The condition fails if the guard is not the guard that was read. Without a guard, the item must still have none. */
const isUnchanged = ({ guardAttribute }: DynamodbSettings, seen: SdkValue | undefined) =>
  seen === undefined
    ? { ConditionExpression: "attribute_not_exists(#g)", ExpressionAttributeNames: { "#g": guardAttribute } }
    : {
        ConditionExpression: "#g = :seen",
        ExpressionAttributeNames: { "#g": guardAttribute },
        ExpressionAttributeValues: { ":seen": seen },
      };

/** Creates the update that changes only the guard and the expiry of a tombstone. */
const guardUpdate = (
  settings: DynamodbSettings,
  { key }: ItemWrite,
  seen: SdkValue | undefined,
  { guard, expires }: SharedDecision & { readonly kind: "keep" },
) => {
  const condition = isUnchanged(settings, seen);
  const hasExpiry = expires !== undefined;
  return {
    TableName: settings.table,
    Key: key,
    ...condition,
    UpdateExpression: hasExpiry ? "SET #g = :g, #t = :t" : "SET #g = :g",
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      ...(hasExpiry && { "#t": settings.ttlAttribute }),
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ":g": guard,
      ...(hasExpiry && { ":t": { N: String(expires) } }),
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

const mostLevels = 32;

/** Whether a value has more lists and maps within each other than DynamoDB stores, `levels` of which are around it. */
const isTooDeep = (value: SdkValue, levels = 0): boolean => {
  const inner = "L" in value ? value.L : "M" in value ? Object.values(value.M) : undefined;
  if (inner === undefined) return false;
  return levels + 1 >= mostLevels || inner.some((one) => isTooDeep(one, levels + 1));
};

/**
 * Puts an item. Resolves with false if the condition fails. An item of thousands of levels can make the SDK or DynamoDB
 * fail as if DynamoDB were unavailable. So after such a failure the levels are counted.
 */
const putItem = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  Item: SdkItem,
  condition: Partial<WriteCondition>,
  signal: AbortSignal,
): Promise<boolean> => {
  try {
    return await isWritten(settings, call("PutItem", { TableName: settings.table, Item, ...condition }, signal));
  } catch (error) {
    const isUnavailable = error instanceof SinkError && error.code === "SINK_UNAVAILABLE";
    if (!isUnavailable || !Object.values(Item).some((value) => isTooDeep(value))) throw error;
    throw rejected(settings.name, `the item is nested too deeply; expected at most ${mostLevels} levels`);
  }
};

/** Calls GetItem. A failed put could return the item (`ALL_OLD`), but the SDK cannot parse every old item. */
const readItem = async (
  { table, name }: DynamodbSettings,
  call: CallDynamodb,
  input: { readonly Key: SdkItem; readonly [member: string]: unknown },
  signal: AbortSignal,
): Promise<SdkItem | undefined> => {
  try {
    const { Item } = await call("GetItem", { TableName: table, ConsistentRead: true, ...input }, signal);
    return Item as SdkItem | undefined;
  } catch (error) {
    throw classify(name, error);
  }
};

/** Reads the guard of a key that only one source item can have, and predicts the outcome of a write. */
const predictOwn =
  (settings: DynamodbSettings, call: CallDynamodb): WriteItem =>
  async (write, signal) => {
    // A key attribute is read, too, so that an item without a guard is not taken for a missing item.
    const [keyName = ""] = Object.keys(write.key);
    const names = { "#g": settings.guardAttribute, "#k": keyName };
    const input = { Key: write.key, ProjectionExpression: "#g, #k", ExpressionAttributeNames: names };
    const item = await readItem(settings, call, input, signal);
    if (item === undefined) return write.onlyIfPresent ? "superseded" : "delivered";
    const guard = readGuard(item[settings.guardAttribute]);
    if (guard === undefined || guard.version < write.version) return "delivered";
    const replacesTombstone = guard.version === write.version && guard.isRemoved && !write.isRemoved;
    return replacesTombstone ? "delivered" : "superseded";
  };

/** Writes an item whose key only one source item can have. So one request is enough. */
const writeOwn = (settings: DynamodbSettings, call: CallDynamodb): WriteItem => {
  const predict = predictOwn(settings, call);
  return async (write, signal) => {
    if (write.onlyIfPresent && (await predict(write, signal)) === "superseded") return "superseded";
    const isPut = await putItem(settings, call, guarded(settings, write), isNewer(settings, write), signal);
    return isPut ? "delivered" : "superseded";
  };
};

/** Maximum number of attempts if other writers change the key during each attempt. */
const maxAttempts = 6;

const changedMeanwhile = ({ name }: DynamodbSettings): SinkError =>
  new SinkError("SINK_CONFLICT", `[${name}] other writers changed the item during all ${maxAttempts} attempts`);

/** Explains that an item is too large because its guard also has entries for other source items. */
const withOthers = ({ name }: DynamodbSettings, error: unknown, others: number): unknown => {
  if (!(error instanceof SinkError) || error.code !== "SINK_TOO_LARGE" || others === 0) return error;
  const entries = others === 1 ? "the entry for 1 other source item" : `the entries for ${others} other source items`;
  const message = `[${name}] the item and, in its guard, ${entries} with the same target key are larger than DynamoDB's limit of 400 KB`;
  return new SinkError("SINK_TOO_LARGE", message, { cause: error.cause });
};

type OwnedItemWrite = ItemWrite & { readonly owner: string };

/** Reads the target item, and decides how to apply a write. */
const readAndDecide = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  write: OwnedItemWrite,
  signal: AbortSignal,
) => {
  const item = await readItem(settings, call, { Key: write.key }, signal);
  return { seen: item?.[settings.guardAttribute], decision: decideShared(settings, item, write, write.owner) };
};

/** Writes an item whose key several source items can have. It reads the key only if the first put's condition fails. */
const writeShared = (settings: DynamodbSettings, call: CallDynamodb) => {
  const put = (Item: SdkItem, condition: Partial<WriteCondition>, signal: AbortSignal): Promise<boolean> =>
    putItem(settings, call, Item, condition, signal);

  /** Reads the item, then writes. Returns undefined if another writer changed the key in between. */
  const attempt = async (write: OwnedItemWrite, signal: AbortSignal): Promise<ItemOutcome | undefined> => {
    const { seen, decision } = await readAndDecide(settings, call, write, signal);
    if (decision.kind === "superseded") return "superseded";
    try {
      const isDone =
        decision.kind === "keep"
          ? isWritten(settings, call("UpdateItem", guardUpdate(settings, write, seen, decision), signal))
          : put(decision.item, isUnchanged(settings, seen), signal);
      return (await isDone) ? "delivered" : undefined;
    } catch (error) {
      throw withOthers(settings, error, decision.others);
    }
  };

  return async (write: OwnedItemWrite, signal: AbortSignal): Promise<ItemOutcome> => {
    if (!write.onlyIfPresent) {
      const condition = isNewerAndAlone(settings, write, write.owner);
      if (await put(guarded(settings, write), condition, signal)) return "delivered";
    }
    for (let attempts = 1; attempts < maxAttempts; attempts += 1) {
      const outcome = await attempt(write, signal);
      if (outcome !== undefined) return outcome;
    }
    throw changedMeanwhile(settings);
  };
};

const isOwned = (write: ItemWrite): write is OwnedItemWrite => write.owner !== undefined;

/** Creates a function that predicts the outcome of a write. The function reads the target item, but writes nothing. */
export const dryRunnerOf = (settings: DynamodbSettings, call: CallDynamodb): WriteItem => {
  const predict = predictOwn(settings, call);
  return async (write, signal) => {
    if (!isOwned(write)) return predict(write, signal);
    const { decision } = await readAndDecide(settings, call, write, signal);
    return decision.kind === "superseded" ? "superseded" : "delivered";
  };
};

/** Creates the function that writes target items. */
export const writerOf = (settings: DynamodbSettings, call: CallDynamodb): WriteItem => {
  const [own, shared] = [writeOwn(settings, call), writeShared(settings, call)];
  return (write, signal) => (isOwned(write) ? shared(write, signal) : own(write, signal));
};
