// The two sinks in memory: the reference implementations of the contract in core's sink.ts.

import type { AppendDelivery, Sink, UpsertDelivery } from "@sluice/core/sink-kit";
import { memoryTarget, type TargetControl } from "./target.ts";
import { type MemorySinkOptions, writeBy } from "./write.ts";

/** What an upsert target keeps for an item: a tombstone where there is no message. */
interface Kept<Message> {
  readonly version: string;
  readonly message: Message | undefined;
}

/** A memory sink that holds the last message of each item. */
export interface MemoryUpsertSink<Message> extends Sink<Message, "upsert">, TargetControl {
  /** Messages of the live items by item key, in the order of their first arrival. */
  readonly items: () => ReadonlyMap<string, Message>;
}

/** One message that an append target was sent. */
export interface SentMessage<Message = unknown> {
  readonly message: Message;
  readonly idempotencyKey: string;
}

/** A memory sink that keeps every message. */
export interface MemoryAppendSink<Message> extends Sink<Message, "append">, TargetControl {
  /** Every message, oldest first; repeats are repeated. */
  readonly sent: () => readonly SentMessage<Message>[];
}

/** An upsert sink in memory: guarded by version, with tombstones, and with faults that a test scripts. */
export const memoryUpsertSink = <Message = unknown>(options: MemorySinkOptions = {}): MemoryUpsertSink<Message> => {
  const kept = new Map<string, Kept<Message>>();
  const judge = ({ change }: UpsertDelivery<Message>) => {
    const held = kept.get(change.itemKey);
    return held !== undefined && held.version >= change.version ? "older" : "taken";
  };
  const take = (delivery: UpsertDelivery<Message>) => {
    const { change, message } = delivery;
    const answer = judge(delivery);
    if (answer === "taken") kept.set(change.itemKey, { version: change.version, message });
    return answer;
  };
  const { request, look, ...control } = memoryTarget(take, judge);
  return {
    ...control,
    name: options.name ?? "memory",
    supports: { writes: "upsert" },
    write: writeBy(request, options),
    dryRun: writeBy(look, options),
    close: async () => undefined,
    items: () => {
      const live = new Map<string, Message>();
      for (const [itemKey, { message }] of kept) if (message !== undefined) live.set(itemKey, message);
      return live;
    },
  };
};

/** An append sink in memory: an ordered log of messages with their idempotency keys, and with faults that a test scripts. */
export const memoryAppendSink = <Message = unknown>(options: MemorySinkOptions = {}): MemoryAppendSink<Message> => {
  const sent: SentMessage<Message>[] = [];
  const take = ({ message, idempotencyKey }: AppendDelivery<Message>) => {
    sent.push({ message, idempotencyKey });
    return "taken" as const;
  };
  const { request, look: _, ...control } = memoryTarget(take, () => "taken");
  return {
    ...control,
    name: options.name ?? "memory",
    supports: { writes: "append" },
    write: writeBy(request, options),
    // What an append target will refuse is not to be seen in it.
    dryRun: writeBy(async (entries) => entries.map(() => "taken"), options),
    close: async () => undefined,
    sent: () => [...sent],
  };
};
