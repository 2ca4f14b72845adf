// Sinks with one defect each: the sink compares a wrong version. Other replicators lost data by such defects.

import { type Change, type Sink, superseded, type UpsertDelivery, type WriteResult } from "@sluice/core/sink-kit";

/** Returns a sink that receives every change with the version that `versionOf` returns. */
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

/** Returns a sink for which any change after a removal is newer, as if the removal had deleted the item's version. */
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

/** Returns a sink that supersedes a message if the item's tombstone has the same version. */
const keepsTombstones = <Message>(sink: Sink<Message, "upsert">): Sink<Message, "upsert"> => {
  const removed = new Map<string, string>();
  return {
    ...sink,
    write: async (batch, context) => {
      const isRefused = ({ change, message }: UpsertDelivery<Message>): boolean =>
        message !== undefined && removed.get(change.itemKey) === change.version;
      const results = await sink.write(
        batch.filter((delivery) => !isRefused(delivery)),
        context,
      );
      for (const { delivery, outcome } of results) {
        const { change, message } = delivery;
        if (message === undefined && outcome === "delivered") removed.set(change.itemKey, change.version);
      }
      return [...results, ...batch.filter(isRefused).map(superseded)];
    },
  };
};

/** The defects. Each function returns a sink that has the defect. */
export const versionMutants: Readonly<
  Record<string, <Message>(sink: Sink<Message, "upsert">) => Sink<Message, "upsert">>
> = {
  "forgets removals": forgetsRemovals,
  "keeps a tombstone when a message of the same version arrives": keepsTombstones,
  "regards the last arrival as the newest change": (sink) => {
    let arrivals = 0;
    return withVersion(sink, () => {
      arrivals += 1;
      return String(arrivals).padStart(58, "0");
    });
  },
  "compares sequence numbers as text": (sink) => withVersion(sink, ({ sequenceNumber }) => sequenceNumber),
  "ignores that the stream was re-created": (sink) =>
    withVersion(sink, ({ sequenceNumber }) => sequenceNumber.padStart(40, "0")),
  "uses the time of the record as its version": (sink) =>
    withVersion(sink, ({ approximateCreationTimeMs }) => String(approximateCreationTimeMs)),
};
