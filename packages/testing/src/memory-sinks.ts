// The two sinks in memory: the reference implementations of the contract in core's sink.ts.

import type { AppendDelivery, Sink, UpsertDelivery } from "@sluice/core";
import { memoryTarget, type TargetControl } from "./memory-target.ts";
import { type MemorySinkOptions, writeTo } from "./memory-write.ts";

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
  const { request, ...control } = memoryTarget<UpsertDelivery<Message>>(({ change, message }) => {
    const held = kept.get(change.itemKey);
    if (held !== undefined && held.version >= change.version) return "older";
    kept.set(change.itemKey, { version: change.version, message });
    return "taken";
  });
  return {
    ...control,
    name: options.name ?? "memory",
    supports: { writes: "upsert" },
    write: writeTo({ ...control, request }, options),
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
  const { request, ...control } = memoryTarget<AppendDelivery<Message>>(({ message, idempotencyKey }) => {
    sent.push({ message, idempotencyKey });
    return "taken";
  });
  return {
    ...control,
    name: options.name ?? "memory",
    supports: { writes: "append" },
    write: writeTo({ ...control, request }, options),
    close: async () => undefined,
    sent: () => [...sent],
  };
};
