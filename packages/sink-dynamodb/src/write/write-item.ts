// The requests of one item: a conditional put, and where a key may change hands, what follows when its condition fails.

import { type SdkItem, type SdkValue, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { classify, isConditionFailed } from "../classify.ts";
import type { Call } from "../client/client.ts";
import { guarded, type Write } from "../encode.ts";
import type { Settings } from "../options.ts";
import { type Decision, decide, type Guard, readGuard, wireGuard } from "./guard.ts";

/** What became of one item of the target. */
export type Written = Exclude<WriteResult["outcome"], "failed">;

/** Writes one item of the target. Rejects with a SinkError. */
export type WriteItem = (write: Write, signal: AbortSignal) => Promise<Written>;

/** A condition of a request, with its values. */
interface Condition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, SdkValue>;
}

// An item without a guard is somebody's copy from before: the stream outranks it.

const isNewer = ({ guardAttribute }: Settings, { version }: Write): Condition => ({
  ConditionExpression: "attribute_not_exists(#g.#v) OR #g.#v < :v",
  ExpressionAttributeNames: { "#g": guardAttribute, "#v": "v" },
  ExpressionAttributeValues: { ":v": { S: version } },
});

const isNewerOfOwner = ({ guardAttribute }: Settings, { version, owner = "" }: Write): Condition => ({
  ConditionExpression: "attribute_not_exists(#g.#v) OR (#g.#o = :o AND #g.#v < :v AND attribute_not_exists(#g.#l))",
  ExpressionAttributeNames: { "#g": guardAttribute, "#v": "v", "#o": "o", "#l": "left" },
  ExpressionAttributeValues: { ":v": { S: version }, ":o": { S: owner } },
});

const isUnchanged = ({ guardAttribute }: Settings, seen: SdkValue): Condition => ({
  ConditionExpression: "#g = :seen",
  ExpressionAttributeNames: { "#g": guardAttribute },
  ExpressionAttributeValues: { ":seen": seen },
});

/** Notes a departure in an item that another one has. Of a tombstone the TTL moves on, so that the note lasts. */
const notation = (settings: Settings, { key, expires }: Write, seen: SdkValue, guard: Guard) => {
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

/** False: the condition of the request did not hold. */
const wasDone = async (settings: Settings, request: Promise<unknown>): Promise<boolean> => {
  try {
    await request;
    return true;
  } catch (error) {
    if (isConditionFailed(error)) return false;
    throw classify(settings.name, error);
  }
};

/** The guard that a key has. `ALL_OLD` on the failed condition would save the read, but the SDK fails on some items. */
const readSeen = async (
  { table, name, guardAttribute }: Settings,
  call: Call,
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

/** An item whose key belongs to one item of the source: one request. */
const writeFixed =
  (settings: Settings, call: Call): WriteItem =>
  async (write, signal) => {
    const input = { TableName: settings.table, Item: guarded(settings, write), ...isNewer(settings, write) };
    return (await wasDone(settings, call("PutItem", input, signal))) ? "delivered" : "superseded";
  };

const decideMoving = (settings: Settings, guard: Guard, write: Write): Decision => {
  const horizon = { now: Math.floor(settings.now() / 1000), expires: write.expires };
  return decide(guard, { ...write, owner: write.owner ?? "" }, horizon);
};

/** How often a key is looked at again that others keep changing. */
const maxTurns = 6;

/** An item whose key may have had another owner: one request unless it had, or the write is stale. */
const writeMoving = (settings: Settings, call: Call): WriteItem => {
  const put = (Item: SdkItem, condition: Condition, signal: AbortSignal): Promise<boolean> =>
    wasDone(settings, call("PutItem", { TableName: settings.table, Item, ...condition }, signal));

  /** One look and one try; undefined: the key was changed meanwhile. */
  const turn = async (write: Write, signal: AbortSignal): Promise<Written | undefined> => {
    const seen = await readSeen(settings, call, write.key, signal);
    const guard = readGuard(seen);
    if (seen === undefined || guard === undefined) {
      return (await put(guarded(settings, write), isNewerOfOwner(settings, write), signal)) ? "delivered" : undefined;
    }
    const decision = decideMoving(settings, guard, write);
    if (decision.kind === "superseded") return "superseded";
    const isDone =
      decision.kind === "keep"
        ? wasDone(settings, call("UpdateItem", notation(settings, write, seen, decision.guard), signal))
        : put(guarded(settings, write, decision.departures), isUnchanged(settings, seen), signal);
    return (await isDone) ? "delivered" : undefined;
  };

  return async (write, signal) => {
    if (await put(guarded(settings, write), isNewerOfOwner(settings, write), signal)) return "delivered";
    for (let turns = 1; turns < maxTurns; turns += 1) {
      const written = await turn(write, signal);
      if (written !== undefined) return written;
    }
    throw new SinkError("SINK_CONFLICT", `[${settings.name}] others changed the item ${maxTurns} times meanwhile`);
  };
};

/** Makes the function that answers what writing an item would, by the guard that its key has. */
export const peekerOf = (settings: Settings, call: Call): WriteItem => {
  const isStale = (guard: Guard, write: Write): boolean =>
    settings.movingKey === undefined
      ? guard.version >= write.version
      : decideMoving(settings, guard, write).kind === "superseded";
  return async (write, signal) => {
    const guard = readGuard(await readSeen(settings, call, write.key, signal));
    return guard !== undefined && isStale(guard, write) ? "superseded" : "delivered";
  };
};

/** Makes the function that writes items of the target. */
export const writerOf = (settings: Settings, call: Call): WriteItem =>
  settings.movingKey === undefined ? writeFixed(settings, call) : writeMoving(settings, call);
