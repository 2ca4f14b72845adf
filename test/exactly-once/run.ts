// The account of a run: a stream of changes through Lambda's event source mapping into one append target.

import { type DedupeStore, pipeline } from "@sluice/core";
import { type Dedupe, decodeRecord, type Sink, type StreamRecord } from "@sluice/core/sink-kit";
import { eventSourceMapping, fakeStreams } from "@sluice/local";
import { tableHistory } from "@sluice/testing";
import { type UnevenClock, unevenClock } from "./adjustable-clock.ts";
import { type Environment, type Outage, outsideOf } from "./faulty-environments.ts";

/** A change at the target: what every message says of itself. */
export interface Arrival {
  readonly item: string;
  readonly revision: number;
}

export interface Target {
  /** The sink of one environment. */
  readonly sink: (environment: Environment, dedupeStore: DedupeStore) => Sink<unknown, "append">;
  readonly toMessage: (arrival: Arrival) => unknown;
  /** What arrives of a change. Default: the change, once. */
  readonly copiesOf?: (arrival: Arrival) => readonly Arrival[];
  /** Everything that arrived, in order. */
  readonly arrived: () => Promise<readonly Arrival[]>;
  readonly close?: () => Promise<void>;
}

export interface Run {
  readonly dedupe: Dedupe;
  readonly target: Target;
  readonly outage: Outage;
  /** One that knows nothing yet, on the run's own clock. */
  readonly store: (now: () => number) => DedupeStore | Promise<DedupeStore>;
  readonly items: number;
  readonly revisions: number;
}

export interface Account {
  readonly changes: number;
  readonly arrived: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Changes that arrived for the first time after a later one of their item. */
  readonly misordered: number;
  readonly deaths: number;
  readonly failedEntries: number;
  readonly throttledRequests: number;
}

/** Lambda's longest: no invocation times out but by plan, however busy the machine is. */
const functionTimeoutMs = 900_000;

/** What fails is mostly well at the next try: shorter than Lambda's pauses, as much is shown in less time. */
const retryDelayMs = (repeat: number): number => Math.min(20 * 2 ** repeat, 1_000);

/** Records of an invocation, at most. */
export const batchSize = 100;

const shards = 2;

/** Nobody waits until a dead holder had timed out. A living one's records go to nobody else meanwhile. */
const longestHoldMs = 1_000;

const impatient = ({ journal, leases }: DedupeStore): DedupeStore => ({
  journal,
  leases: { ...leases, acquire: (id, key, holdMs) => leases.acquire(id, key, Math.min(holdMs, longestHoldMs)) },
});

const historyOf = (items: number, revisions: number): StreamRecord[] => {
  const table = tableHistory({ keyNames: ["item"] });
  const records: StreamRecord[] = [];
  for (let revision = 1; revision <= revisions; revision += 1) {
    for (let item = 0; item < items; item += 1) records.push(table.put({ item: `item-${item}`, revision }));
  }
  return records;
};

/** One line for a change at the target. */
export const nameOf = ({ item, revision }: Arrival): string => `${item}@${revision}`;

/** The change of such a line. */
export const arrivalOfName = (name: string): Arrival => {
  const [item = "", revision = ""] = name.split("@");
  return { item, revision: Number(revision) };
};

const arrivalOf = (record: StreamRecord): Arrival => decodeRecord<Arrival>(record).after as Arrival;

const accountOf = (sent: readonly Arrival[], arrived: readonly Arrival[]) => {
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

/** Functions with environments of their own: one for each invocation at a time, and a new one for each that died. */
const functionOf = ({ dedupe, target, outage }: Run, dedupeStore: DedupeStore, clock: UnevenClock) => {
  const outside = outsideOf(outage, clock);
  const idle: { readonly environment: Environment; readonly handler: (event: unknown, context: object) => unknown }[] =
    [];
  const start = () => {
    const environment = outside.environment();
    const handler = pipeline<Arrival>("account", { onReject: "block", logger: silent, clock, dedupeStore })
      .to(target.sink(environment, dedupeStore), ({ after }) => after && target.toMessage(after), { dedupe })
      .handler();
    return { environment, handler };
  };
  const invoke = async (event: unknown, context: object): Promise<unknown> => {
    const one = idle.pop() ?? start();
    try {
      return await one.environment.live(async () => one.handler(event, context));
    } finally {
      if (!one.environment.isDead()) idle.push(one);
    }
  };
  return { invoke, counts: outside.counts };
};

/** Plays the changes into the target, whatever happens, and balances the books. */
export const play = async (run: Run): Promise<Account> => {
  const records = historyOf(run.items, run.revisions);
  const stream = fakeStreams();
  const shardIds = Array.from({ length: shards }, () => stream.addShard());
  const itemKeys = [...new Set(records.map((record) => decodeRecord(record).itemKey))];
  const shardOf = new Map(itemKeys.map((itemKey, index) => [itemKey, shardIds[index % shards] as string]));
  for (const record of records) stream.append(shardOf.get(decodeRecord(record).itemKey) as string, record);

  const clock = unevenClock((records[0]?.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000);
  const { invoke, counts } = functionOf(run, impatient(await run.store(clock.now)), clock);
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
    clock,
  });
  await mapping.start();
  await mapping.drained();
  await mapping.stop();
  const { deaths, failedEntries, throttled } = counts;
  const { copiesOf = (arrival: Arrival) => [arrival] } = run.target;
  const arrived = await run.target.arrived();
  await run.target.close?.();
  return {
    changes: records.length,
    ...accountOf(records.map(arrivalOf).flatMap(copiesOf), arrived),
    deaths,
    failedEntries,
    throttledRequests: throttled,
  };
};
