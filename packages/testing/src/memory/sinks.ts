// The two sinks in memory: the reference implementations of core's Sink contract.

import {
  type AppendDelivery,
  notStarted,
  type Sink,
  type UpsertDelivery,
  type WriteContext,
} from "@sluice/core/sink-kit";
import type { SentMessage } from "../conformance/rig.ts";
import { contentsOf, heldCopy, keysPage, type StoredItem } from "./held.ts";
import { memoryTarget, type TargetControl } from "./target.ts";
import { type MemorySinkOptions, requestError, sized, writeBy } from "./write.ts";

/** A memory sink that stores the last message of each item. */
export interface MemoryUpsertSink<Message> extends Sink<Message, "upsert">, TargetControl {
  /** Messages of the live items by item key, in the order of first arrival. */
  readonly items: () => ReadonlyMap<string, Message>;
  /** Changes what the target holds of an item, as another program would. Undefined: the target forgets the item. */
  readonly corrupt: (
    itemKey: string,
    change: (held: StoredItem<Message> | undefined) => StoredItem<Message> | undefined,
  ) => void;
}

/** A memory sink that stores every message. */
export interface MemoryAppendSink<Message> extends Sink<Message, "append">, TargetControl {
  /** Every message, oldest first. A message that was sent twice appears twice. */
  readonly sent: () => readonly SentMessage<Message>[];
}

/** Creates an upsert sink in memory with a version guard and tombstones. Tests can inject faults. */
export const memoryUpsertSink = <Message = unknown>(options: MemorySinkOptions = {}): MemoryUpsertSink<Message> => {
  const stored = new Map<string, StoredItem<Message>>();
  const decide = ({ change, message, onlyIfPresent }: UpsertDelivery<Message>) => {
    const held = stored.get(change.itemKey);
    if (held === undefined) return onlyIfPresent ? "older" : "taken";
    // Of two deliveries with the same version, the one with a message wins: another route may have written the tombstone.
    const isNewer =
      held.version < change.version ||
      (held.version === change.version && held.message === undefined && message !== undefined);
    return isNewer ? "taken" : "older";
  };
  const take = (delivery: UpsertDelivery<Message>) => {
    const { change, message } = delivery;
    const answer = decide(delivery);
    const { version, record } = change;
    if (answer === "taken") stored.set(change.itemKey, { version, message, keys: record.dynamodb?.Keys });
    return answer;
  };
  const { request, dryRun, ask, ...control } = memoryTarget(take, decide);
  const { name = "memory" } = options;
  const read = async <Answer>({ signal }: WriteContext, answer: () => Answer): Promise<Answer> => {
    if (signal.aborted) throw notStarted(name);
    return ask(answer, signal).catch((cause: unknown) => {
      throw requestError(name, cause);
    });
  };
  return {
    ...control,
    name,
    supports: { writes: "upsert" },
    write: writeBy(request, options),
    dryRun: writeBy(dryRun, options),
    read: (batch, context) => read(context, () => batch.map((delivery) => heldCopy(stored, delivery))),
    canonical: async (batch) => contentsOf(batch, (delivery) => sized(options, delivery)),
    keys: (request, context) => read(context, () => keysPage(stored, request)),
    close: async () => undefined,
    corrupt: (itemKey, change) => {
      const next = change(stored.get(itemKey));
      if (next === undefined) stored.delete(itemKey);
      else stored.set(itemKey, next);
    },
    items: () => {
      const live = new Map<string, Message>();
      for (const [itemKey, { message }] of stored) if (message !== undefined) live.set(itemKey, message);
      return live;
    },
  };
};

/** Creates an append sink in memory, which stores messages with their idempotency keys. Tests can inject faults. */
export const memoryAppendSink = <Message = unknown>(options: MemorySinkOptions = {}): MemoryAppendSink<Message> => {
  const sent: SentMessage<Message>[] = [];
  const take = ({ message, idempotencyKey }: AppendDelivery<Message>) => {
    sent.push({ message, idempotencyKey });
    return "taken" as const;
  };
  const { request, dryRun: _, ask: __, ...control } = memoryTarget(take, () => "taken");
  return {
    ...control,
    name: options.name ?? "memory",
    supports: { writes: "append" },
    write: writeBy(request, options),
    // The dry run accepts every message, because an append target cannot predict which messages it will reject.
    dryRun: writeBy(async (entries) => entries.map(() => "taken"), options),
    close: async () => undefined,
    sent: () => [...sent],
  };
};
