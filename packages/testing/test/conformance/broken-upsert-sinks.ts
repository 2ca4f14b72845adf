// Broken upsert sinks. Each is the memory sink with one defect, and names the case of the kit that must detect it.

import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { chunk, type Delivery, delivered, failed, SinkError, toJson, type WriteResult } from "@sluice/core/sink-kit";
import {
  type CaseId,
  type MemoryUpsertSink,
  memoryUpsertSink,
  type SpecimenItem,
  type UpsertRig,
} from "@sluice/testing";
import {
  type Break,
  type BrokenSink,
  failingRepeats,
  isFailed,
  late,
  mappingResults,
  rejection,
  rewriting,
  skipping,
  tick,
  type Write,
} from "./defect.ts";
import { upsertConformance } from "./memory-rigs.ts";

type One = UpsertDelivery<SpecimenItem>;

/** The memory sink with a broken `write`. `breakWrite` gets the correct `write`, and returns the broken one. */
const upsert = (
  caughtBy: CaseId,
  defect: string,
  breakWrite: (right: Write<One>, sink: MemoryUpsertSink<SpecimenItem>) => Write<One>,
): BrokenSink => ({
  caughtBy,
  defect,
  conformance: upsertConformance((sink) => ({ sink: { ...sink, write: breakWrite(sink.write, sink) } })),
});

/** The memory sink in a changed rig. `change` returns the members of the rig to replace. */
const rig = (
  caughtBy: CaseId,
  defect: string,
  change: (sink: MemoryUpsertSink<SpecimenItem>) => Partial<UpsertRig<SpecimenItem>>,
): BrokenSink => ({ caughtBy, defect, conformance: upsertConformance(change) });

/** A sink that splits batches at the wrong limits. It writes the parts to a memory sink that has no limits. */
const splitting = (caughtBy: CaseId, defect: string, sizeOf: (delivery: Delivery) => number, maxEntries: number) =>
  rig(caughtBy, defect, () => {
    const sink = memoryUpsertSink<SpecimenItem>();
    const write: Write<One> = async (batch, context) => {
      const results: WriteResult[] = [];
      for (const part of chunk(batch, { maxEntries, maxBytes: 16_000, sizeOf })) {
        results.push(...(await sink.write(part, context)));
      }
      return results;
    };
    return {
      sink: { ...sink, write },
      requests: sink.requests,
      read: async () => [...sink.items().values()],
    };
  });

interface Row {
  readonly version: string;
  readonly message: SpecimenItem;
}

/** A sink without the memory sink's version guard and tombstones. It writes each delivery with `take`. */
const unguarded = (
  caughtBy: CaseId,
  defect: string,
  take: (live: Map<string, Row>, delivery: One) => Promise<WriteResult> | WriteResult,
): BrokenSink =>
  rig(caughtBy, defect, (sink) => {
    const live = new Map<string, Row>();
    return {
      sink: { ...sink, write: async (batch) => Promise.all(batch.map((delivery) => take(live, delivery))) },
      read: async () => [...live.values()].map(({ message }) => message),
    };
  });

const put = (live: Map<string, Row>, delivery: One): WriteResult => {
  const { change, message } = delivery;
  if (message === undefined) live.delete(change.itemKey);
  else live.set(change.itemKey, { version: change.version, message });
  return delivered(delivery);
};

const isOlder = (held: Row | undefined, { change }: Delivery): boolean =>
  held !== undefined && held.version >= change.version;

const older = (delivery: Delivery): WriteResult => ({ delivery, outcome: "superseded" });

/** Breaks `write`, so that the guard compares the result of `version` instead of the change's version. */
const versionAs = (version: (delivery: One) => string): Break<One> =>
  rewriting((delivery) => ({ ...delivery, change: { ...delivery.change, version: version(delivery) } }));

const messageAs = (rewrite: (message: SpecimenItem) => SpecimenItem): Break<One> =>
  rewriting((delivery) =>
    delivery.message === undefined ? delivery : { ...delivery, message: rewrite(delivery.message) },
  );

const never = new AbortController().signal;

const jsonBytes = ({ message }: Delivery): number => Buffer.byteLength(toJson(message));

let writes = 0;

export const brokenUpsertSinks: readonly BrokenSink[] = [
  rig("C01", "makes a request for an empty batch", (sink) => {
    let empty = 0;
    const write: Write<One> = async (batch, context) => {
      if (batch.length === 0) empty += 1;
      return sink.write(batch, context);
    };
    return { sink: { ...sink, write }, requests: () => sink.requests() + empty };
  }),
  upsert(
    "C02",
    "reports removals as delivered without writing them",
    skipping(({ message }) => message === undefined),
  ),
  upsert("C03", "returns before it has written, and writes with the next call", late()),
  upsert("C04", "rejects a repeated change", failingRepeats()),
  upsert(
    "C05",
    "does not compare versions",
    versionAs(() => String(++writes).padStart(12, "9")),
  ),
  upsert(
    "C06",
    "writes only the first of several changes of an item",
    rewriting((delivery) => {
      const [first] = delivery.earlier;
      return first === undefined ? delivery : { ...delivery, message: first.after as SpecimenItem };
    }),
  ),
  splitting("C07", "does not split by entries", jsonBytes, Number.MAX_SAFE_INTEGER),
  splitting("C08", "counts characters as bytes", ({ message }) => toJson(message).length, 7),
  splitting("C08", "sends a message above the limit of a request", jsonBytes, 7),
  upsert(
    "C09",
    "rejects the whole batch for one bad record",
    mappingResults((one, all) => (all.some(isFailed) ? failed(one.delivery, rejection()) : one)),
  ),
  upsert(
    "C09",
    "retries a bad record forever",
    mappingResults((one) => (isFailed(one) ? failed(one.delivery, new SinkError("SINK_CONFLICT", "refused")) : one)),
  ),
  upsert(
    "C10",
    "reports failures as delivered",
    mappingResults((one) => (isFailed(one) ? delivered(one.delivery) : one)),
  ),
  upsert(
    "C11",
    "checks only the status of a response",
    mappingResults((one) =>
      one.outcome === "failed" && one.error.cause === undefined ? delivered(one.delivery) : one,
    ),
  ),
  upsert("C12", "loses the cause", (right) => async (batch, context) => {
    try {
      return await right(batch, context);
    } catch (cause) {
      // biome-ignore lint/style/useErrorCause: the missing cause is the defect.
      throw new SinkError("SINK_UNAVAILABLE", String(cause));
    }
  }),
  upsert("C12", "throws the error of the client", (right) => async (batch, context) => {
    try {
      return await right(batch, context);
    } catch (error) {
      throw error instanceof SinkError ? error.cause : error;
    }
  }),
  upsert("C13", "rejects every change when the permission is missing", (right) => async (batch, context) => {
    try {
      return await right(batch, context);
    } catch {
      return batch.map((delivery) => failed(delivery, rejection()));
    }
  }),
  upsert("C14", "ignores the signal", (right) => (batch, context) => right(batch, { ...context, signal: never })),
  upsert(
    "C14",
    "checks the signal only before its first request",
    (right) => (batch, context) =>
      right(batch, { ...context, signal: context.signal.aborted ? context.signal : never }),
  ),
  upsert("C15", "reports a lost response as success", (right) => async (batch, context) => {
    try {
      return await right(batch, context);
    } catch (error) {
      if (error instanceof SinkError && String(error.cause).includes("lost")) return batch.map(delivered);
      throw error;
    }
  }),
  upsert("C16", "never connects again", (right) => {
    let lost = false;
    return async (batch, context) => {
      if (lost) throw new SinkError("SINK_UNAVAILABLE", "no connection");
      return right(batch, context).catch((error) => {
        lost = true;
        throw error;
      });
    };
  }),
  upsert("C17", "mixes the failures of concurrent writes", (right) => {
    let failures: WriteResult[] = [];
    return async (batch, context) => {
      failures = [];
      const results = await right(batch, context);
      failures.push(...results.filter(isFailed));
      await tick();
      const names = new Set(failures.map(({ delivery }) => delivery));
      return [...failures, ...batch.filter((delivery) => !names.has(delivery)).map(delivered)];
    };
  }),
  upsert(
    "C18",
    "rounds numbers to doubles",
    messageAs(({ amount, ...rest }) => ({
      ...rest,
      ...(amount !== undefined && { amount: Number(amount) }),
    })),
  ),
  upsert(
    "C18",
    "writes sets as empty maps",
    messageAs(({ payload = {}, ...rest }) => ({
      ...rest,
      payload: Object.fromEntries(
        Object.entries(payload).map(([name, value]) => [name, value instanceof Set ? {} : value]),
      ),
    })),
  ),
  upsert(
    "C19",
    "puts the item into its error message",
    mappingResults((one) =>
      one.outcome === "failed" ? failed(one.delivery, rejection(`refused ${toJson(one.delivery.message)}`)) : one,
    ),
  ),
  upsert(
    "C19",
    "puts a password into its error message",
    mappingResults((one) =>
      one.outcome === "failed" ? failed(one.delivery, rejection("refused by db:memory-password@target")) : one,
    ),
  ),
  rig("C20", "connects in its factory", (sink) => ({ requests: () => sink.requests() + 1 })),
  rig("C20", "cannot be closed twice", (sink) => {
    let isClosed = false;
    const close = async (): Promise<void> => {
      if (isClosed) throw new Error("closed already");
      isClosed = true;
    };
    return { sink: { ...sink, close } };
  }),
  {
    caughtBy: "C20",
    defect: "accepts a wrong option",
    conformance: { ...upsertConformance(), badOptions: { maxEntries: () => memoryUpsertSink({ maxEntries: 1 }) } },
  },
  upsert(
    "C21",
    "returns no results for some deliveries",
    (right) => async (batch, context) => (await right(batch, context)).slice(0, 50),
  ),
  upsert(
    "C21",
    "returns results for copies of the deliveries",
    mappingResults((one) => ({ ...one, delivery: { ...one.delivery } })),
  ),
  upsert("C21", "returns two results for a delivery", (right) => async (batch, context) => {
    const results = await right(batch, context);
    return [...results, ...results.slice(0, 1)];
  }),
  upsert(
    "C23",
    "writes messages by JSON.stringify",
    rewriting((one) => ({ ...one, message: JSON.parse(JSON.stringify(one.message) ?? "null") })),
  ),
  upsert(
    "C24",
    "replaces half of a surrogate pair",
    rewriting((one) => ({ ...one, message: JSON.parse(toJson(one.message).replace(/\\ud[89a-f]../g, "?")) })),
  ),
  upsert("C22", "throws for a message with a cycle", (right) => async (batch, context) => {
    for (const { message } of batch) JSON.stringify(message, (_, value) => (typeof value === "bigint" ? "1" : value));
    return right(batch, context);
  }),
  upsert("C22", "rejects the whole batch for one message without text", (right) => async (batch, context) => {
    const isBad = ({ message }: One): boolean => typeof message === "object" && message?.note === (null as never);
    return batch.some(isBad) ? batch.map((one) => failed(one, rejection())) : right(batch, context);
  }),
  upsert(
    "C22",
    "retries a message that can never be encoded",
    mappingResults((one) => (isFailed(one) ? failed(one.delivery, new SinkError("SINK_UNAVAILABLE", "down")) : one)),
  ),
  upsert("C22", "quotes what a getter threw", (right) => async (batch, context) => {
    const quoted = (one: One): WriteResult[] => {
      try {
        toJson(one.message);
        return [];
      } catch (error) {
        return [failed(one, rejection(String(error)))];
      }
    };
    const results = batch.flatMap(quoted);
    const bad = new Set(results.map(({ delivery }) => delivery));
    return [
      ...results,
      ...(await right(
        batch.filter((one) => !bad.has(one)),
        context,
      )),
    ];
  }),
  unguarded("U01", "compares versions only for upserts", (live, delivery) => {
    if (delivery.message !== undefined && isOlder(live.get(delivery.change.itemKey), delivery)) return older(delivery);
    return put(live, delivery);
  }),
  unguarded("U02", "leaves no tombstone", (live, delivery) =>
    isOlder(live.get(delivery.change.itemKey), delivery) ? older(delivery) : put(live, delivery),
  ),
  upsert("U03", "leaves no tombstone for an unknown item", (right, sink) =>
    skipping<One>(({ change, message }) => message === undefined && !sink.items().has(change.itemKey))(right),
  ),
  unguarded("U04", "fails an equal version with a conflict", (live, delivery) => {
    const held = live.get(delivery.change.itemKey);
    if (held?.version === delivery.change.version) return failed(delivery, new SinkError("SINK_CONFLICT", "equal"));
    return isOlder(held, delivery) ? older(delivery) : put(live, delivery);
  }),
  upsert(
    "U05",
    "ignores the epoch of the stream",
    versionAs(({ change }) => change.version.slice(18)),
  ),
  upsert(
    "U06",
    "ranks a backfill above every change",
    versionAs(({ change }) => (change.sequenceNumber.startsWith("0.") ? "9".repeat(58) : change.version)),
  ),
  upsert(
    "U06",
    "gives all backfills of a stream one rank",
    versionAs(({ change }) => change.version.slice(0, 58)),
  ),
  upsert(
    "U07",
    "compares sequence numbers as unpadded text",
    versionAs(({ change }) => `${change.version.slice(0, 18)}${change.sequenceNumber}`),
  ),
  upsert(
    "U08",
    "reports superseded changes as failed",
    mappingResults((one) =>
      one.outcome === "superseded" ? failed(one.delivery, new SinkError("SINK_CONFLICT", "older")) : one,
    ),
  ),
  upsert(
    "U08",
    "reports superseded changes as delivered",
    mappingResults((one) => delivered(one.delivery)),
  ),
  upsert(
    "U09",
    "does not remove an existing item without a message",
    skipping(({ change, message }) => message === undefined && change.kind !== "remove"),
  ),
  upsert("U09", "merges new attributes into the existing ones", (right, sink) =>
    rewriting<One>((delivery) => {
      if (delivery.message === undefined) return delivery;
      return { ...delivery, message: { ...sink.items().get(delivery.change.itemKey), ...delivery.message } };
    })(right),
  ),
  upsert(
    "U09",
    "joins key attributes with #",
    rewriting((delivery) => ({
      ...delivery,
      change: { ...delivery.change, itemKey: `${delivery.change.keys.pk}#${delivery.change.keys.sk}` },
    })),
  ),
  unguarded("U10", "compares versions before the write, not in it", async (live, delivery) => {
    const held = live.get(delivery.change.itemKey);
    await tick();
    return isOlder(held, delivery) ? older(delivery) : put(live, delivery);
  }),
  unguarded("U11", "removes without a guard", (live, delivery) => {
    const isStale = delivery.message !== undefined && isOlder(live.get(delivery.change.itemKey), delivery);
    return isStale ? older(delivery) : put(live, delivery);
  }),
  upsert("U12", "skips every second removal", (right) => {
    let removals = 0;
    return skipping<One>(({ message }) => message === undefined && ++removals % 2 === 0)(right);
  }),
  rig("U13", "has no dryRun", ({ dryRun: _, ...sink }) => ({ sink })),
  rig("U13", "writes in dryRun", (sink) => ({ sink: { ...sink, dryRun: sink.write } })),
  rig("U13", "reports every change as delivered in dryRun", (sink) => ({
    sink: { ...sink, dryRun: async (batch) => batch.map(delivered) },
  })),
  rig("U13", "ignores tombstones in dryRun", (sink) => {
    const live = new Map<string, string>();
    const write: Write<One> = async (batch, context) => {
      for (const { change, message } of batch) {
        if (message === undefined) live.delete(change.itemKey);
        else live.set(change.itemKey, change.version);
      }
      return sink.write(batch, context);
    };
    const isOld = ({ change }: One): boolean => (live.get(change.itemKey) ?? "") >= change.version;
    const dryRun: Write<One> = async (batch) => batch.map((one) => (isOld(one) ? older(one) : delivered(one)));
    return { sink: { ...sink, write, dryRun } };
  }),
  upsert("U14", "supersedes a message of the same version as a tombstone", (right) => {
    const removed = new Map<string, string>();
    return async (batch, context) => {
      const isEqual = ({ change, message }: One): boolean =>
        message !== undefined && removed.get(change.itemKey) === change.version;
      const equal = batch.filter(isEqual).map(older);
      for (const { change, message } of batch) {
        if (message === undefined) removed.set(change.itemKey, change.version);
      }
      return [
        ...equal,
        ...(await right(
          batch.filter((one) => !isEqual(one)),
          context,
        )),
      ];
    };
  }),
  upsert(
    "U16",
    "gives a repair the version that it repairs",
    versionAs(({ change }) => change.version.slice(0, 58)),
  ),
  upsert(
    "U16",
    "ranks a repair above every change",
    versionAs(({ change }) => (change.version.length > 58 ? `9${change.version}` : change.version)),
  ),
  upsert("U15", "ignores every removal with onlyIfPresent", (right) => async (batch, context) => [
    ...batch.filter(({ onlyIfPresent }) => onlyIfPresent).map(older),
    ...(await right(
      batch.filter(({ onlyIfPresent }) => !onlyIfPresent),
      context,
    )),
  ]),
];
