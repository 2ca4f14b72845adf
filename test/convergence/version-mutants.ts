// Sinks that are right but for the version that they guard with: what others did, and lost data by (traps.md 3 to 6).

import type { Change, Sink, UpsertDelivery, WriteResult } from "@sluice/core/sink-kit";

/** The same sink, which is told another version of every change. */
const withVersion = <Message>(
  sink: Sink<Message, "upsert">,
  versionOf: (change: Change) => string,
): Sink<Message, "upsert"> => ({
  ...sink,
  write: async (batch, context) => {
    const originals = new Map<unknown, UpsertDelivery<Message>>();
    for (const delivery of batch) {
      const version = versionOf(delivery.change);
      const change = new Proxy(delivery.change, {
        get: (real, name) => (name === "version" ? version : Reflect.get(real, name)),
      });
      originals.set({ ...delivery, change }, delivery);
    }
    const results = await sink.write([...originals.keys()] as UpsertDelivery<Message>[], context);
    return results.map((result) => ({ ...result, delivery: originals.get(result.delivery) }) as WriteResult);
  },
});

/** Whatever comes after a removal outranks it, as where the removed item's version goes with the item. */
const forgetsRemovals = <Message>(sink: Sink<Message, "upsert">): Sink<Message, "upsert"> => {
  const removals = new Map<string, number>();
  const lifeOf = (itemKey: string): number => removals.get(itemKey) ?? 0;
  const forgetful = withVersion(sink, ({ itemKey, version }) => `${1_000 + lifeOf(itemKey)}-${version}`);
  return {
    ...forgetful,
    write: async (batch, context) => {
      const results = await forgetful.write(batch, context);
      for (const { delivery, outcome } of results) {
        const { itemKey } = delivery.change;
        if (outcome === "delivered" && delivery.message === undefined) removals.set(itemKey, lifeOf(itemKey) + 1);
      }
      return results;
    },
  };
};

/** What a target with this version does wrong, and the sink that does it. */
export const versionMutants: Readonly<
  Record<string, <Message>(sink: Sink<Message, "upsert">) => Sink<Message, "upsert">>
> = {
  "forgets what it has removed": forgetsRemovals,
  "takes what arrives last for the newest": (sink) => {
    let arrivals = 0;
    return withVersion(sink, () => {
      arrivals += 1;
      return String(arrivals).padStart(58, "0");
    });
  },
  "compares sequence numbers as they are, as text": (sink) => withVersion(sink, ({ sequenceNumber }) => sequenceNumber),
  "ignores that the stream was re-created": (sink) =>
    withVersion(sink, ({ sequenceNumber }) => sequenceNumber.padStart(40, "0")),
  "takes the record's time for its version": (sink) =>
    withVersion(sink, ({ approximateCreationTimeMs }) => String(approximateCreationTimeMs)),
};
