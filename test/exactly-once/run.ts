// One run of an exactly-once test. Lambda's event source mapping delivers a stream of changes to an append target.

import { type DedupeStore, pipeline } from "@sluice/core";
import { type Dedupe, decodeRecord, type Sink, type StreamRecord } from "@sluice/core/sink-kit";
import { eventSourceMapping, fakeStreams } from "@sluice/local";
import { tableHistory } from "@sluice/testing";
import { type AdjustableClock, adjustableClock } from "./adjustable-clock.ts";
import { type Environment, type FaultPlan, faultyEnvironments } from "./faulty-environments.ts";

/** A change that arrived at the target. Every message contains the item and the revision of its change. */
export interface Arrival {
  readonly item: string;
  readonly revision: number;
}

export interface Target {
  /** Creates the sink for one environment. */
  readonly sink: (environment: Environment, dedupeStore: DedupeStore) => Sink<unknown, "append">;
  readonly toMessage: (arrival: Arrival) => unknown;
  /** Returns the messages that must arrive for a change. Default: one message. */
  readonly copiesOf?: (arrival: Arrival) => readonly Arrival[];
  /** Returns all messages that arrived, in the order of arrival. */
  readonly arrived: () => Promise<readonly Arrival[]>;
  readonly close?: () => Promise<void>;
}

export interface Run {
  readonly dedupe: Dedupe;
  readonly target: Target;
  readonly faults: FaultPlan;
  /** Creates an empty dedupe store that uses the clock of the run. */
  readonly store: (now: () => number) => DedupeStore | Promise<DedupeStore>;
  readonly items: number;
  readonly revisions: number;
}

export interface RunResult {
  readonly changes: number;
  readonly arrived: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Number of changes that arrived for the first time after a later change of the same item. */
  readonly misordered: number;
  readonly crashes: number;
  readonly failedEntries: number;
  readonly throttledRequests: number;
}

/** Timeout of the function. It is Lambda's maximum, so that no invocation times out on a busy machine. */
const functionTimeoutMs = 900_000;

/** Delay before a retry. It is shorter than Lambda's delay to save time, because most retries succeed at once. */
const retryDelayMs = (repeat: number): number => Math.min(20 * 2 ** repeat, 1_000);

/** Maximum number of records of an invocation. */
export const batchSize = 100;

const shards = 2;

/** The leases of a crashed environment must expire soon, because the test waits for their expiry. */
const maxLeaseMs = 1_000;

const withShortLeases = ({ journal, leases }: DedupeStore): DedupeStore => ({
  journal,
  leases: { ...leases, acquire: (id, key, leaseMs) => leases.acquire(id, key, Math.min(leaseMs, maxLeaseMs)) },
});

const historyOf = (items: number, revisions: number): StreamRecord[] => {
  const table = tableHistory({ keyNames: ["item"] });
  const records: StreamRecord[] = [];
  for (let revision = 1; revision <= revisions; revision += 1) {
    for (let item = 0; item < items; item += 1) records.push(table.put({ item: `item-${item}`, revision }));
  }
  return records;
};

/** Returns a name for an arrival: `item@revision`. */
export const nameOf = ({ item, revision }: Arrival): string => `${item}@${revision}`;

/** Returns the arrival that has this name. */
export const arrivalOfName = (name: string): Arrival => {
  const [item = "", revision = ""] = name.split("@");
  return { item, revision: Number(revision) };
};

const arrivalOf = (record: StreamRecord): Arrival => decodeRecord<Arrival>(record).after as Arrival;

const compareArrivals = (sent: readonly Arrival[], arrived: readonly Arrival[]) => {
  const seen = new Set<string>();
  const latest = new Map<string, number>();
  let misordered = 0;
  for (const arrival of arrived) {
    if (!seen.has(nameOf(arrival)) && arrival.revision < (latest.get(arrival.item) ?? 0)) misordered += 1;
    seen.add(nameOf(arrival));
    latest.set(arrival.item, Math.max(arrival.revision, latest.get(arrival.item) ?? 0));
  }
  const lost = sent.filter((arrival) => !seen.has(nameOf(arrival))).length;
  return { arrived: arrived.length, lost, duplicates: arrived.length - seen.size, misordered };
};

const silent = { info: () => undefined, warn: () => undefined };

/** A function with one environment per concurrent invocation. A new environment replaces a crashed environment. */
const functionOf = ({ dedupe, target, faults }: Run, dedupeStore: DedupeStore, clock: AdjustableClock) => {
  const environments = faultyEnvironments(faults, clock);
  const idle: { readonly environment: Environment; readonly handler: (event: unknown, context: object) => unknown }[] =
    [];
  const start = () => {
    const environment = environments.environment();
    const handler = pipeline<Arrival>("exactly-once", { onReject: "block", logger: silent, clock, dedupeStore })
      .to(target.sink(environment, dedupeStore), ({ after }) => after && target.toMessage(after), { dedupe })
      .handler();
    return { environment, handler };
  };
  const invoke = async (event: unknown, context: object): Promise<unknown> => {
    const free = idle.pop() ?? start();
    try {
      return await free.environment.run(async () => free.handler(event, context));
    } finally {
      if (!free.environment.hasCrashed()) idle.push(free);
    }
  };
  return { invoke, counts: environments.counts };
};

/** Delivers the changes to the target despite the planned faults, and compares the arrivals with the changes. */
export const playRun = async (run: Run): Promise<RunResult> => {
  const records = historyOf(run.items, run.revisions);
  const stream = fakeStreams();
  const shardIds = Array.from({ length: shards }, () => stream.addShard());
  const itemKeys = [...new Set(records.map((record) => decodeRecord(record).itemKey))];
  const shardOf = new Map(itemKeys.map((itemKey, index) => [itemKey, shardIds[index % shards] as string]));
  for (const record of records) stream.append(shardOf.get(decodeRecord(record).itemKey) as string, record);

  const clock = adjustableClock((records[0]?.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000);
  const { invoke, counts } = functionOf(run, withShortLeases(await run.store(clock.now)), clock);
  const mapping = eventSourceMapping({
    client: stream.client,
    streamArn: stream.streamArn,
    handler: invoke,
    startingPosition: "TRIM_HORIZON",
    batchSize,
    parallelizationFactor: 4,
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    functionTimeoutMs,
    retryDelayMs,
    // The crashes are intended, so their errors are not printed.
    onFunctionError: () => undefined,
    clock,
  });
  await mapping.start();
  await mapping.drained();
  await mapping.stop();
  const { crashes, failedEntries, throttled } = counts;
  const { copiesOf = (arrival: Arrival) => [arrival] } = run.target;
  const arrived = await run.target.arrived();
  await run.target.close?.();
  return {
    changes: records.length,
    ...compareArrivals(records.map(arrivalOf).flatMap(copiesOf), arrived),
    crashes,
    failedEntries,
    throttledRequests: throttled,
  };
};
