// The account of a run: a stream of changes through Lambda's event source mapping into one append target.

import { type Dedupe, type DedupeStore, decodeRecord, pipeline, type Sink, type StreamRecord } from "@sluice/core";
import { eventSourceMapping, fakeStreams } from "@sluice/local";
import { tableHistory } from "@sluice/testing";
import { hurriedClock } from "./hurried-clock.ts";
import { type Environment, type Outage, outsideOf } from "./outside.ts";

/** A change at the target: what every message says of itself. */
export interface Arrival {
  readonly item: string;
  readonly revision: number;
}

export interface Target {
  /** The sink of one environment. */
  readonly sink: (environment: Environment) => Sink<unknown, "append">;
  readonly toMessage: (arrival: Arrival) => unknown;
  /** Everything that arrived, in order. */
  readonly arrived: () => Promise<readonly Arrival[]>;
}

export interface Run {
  readonly dedupe: Dedupe;
  readonly target: Target;
  readonly outage: Outage;
  /** Given the run's own clock. */
  readonly store: (now: () => number) => DedupeStore;
  /** How much faster than the machine's the run's clock is. */
  readonly factor: number;
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

/** Half a minute on the machine's clock beside engines: no invocation shall time out but by plan, however busy it is. */
const functionTimeoutMs = 600_000;

const shards = 2;

const historyOf = (items: number, revisions: number): StreamRecord[] => {
  const table = tableHistory({ keyNames: ["item"] });
  const records: StreamRecord[] = [];
  for (let revision = 1; revision <= revisions; revision += 1) {
    for (let item = 0; item < items; item += 1) records.push(table.put({ item: `item-${item}`, revision }));
  }
  return records;
};

const nameOf = ({ item, revision }: Arrival): string => `${item}@${revision}`;

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
  return { changes: sent.length, arrived: arrived.length, lost, duplicates: arrived.length - seen.size, misordered };
};

const silent = { info: () => undefined, warn: () => undefined };

/** Functions with environments of their own: one for each invocation at a time, and a new one for each that died. */
const functionOf = ({ dedupe, target, outage, store }: Run, clock: ReturnType<typeof hurriedClock>) => {
  const outside = outsideOf(outage, clock.now);
  const dedupeStore = store(clock.now);
  const idle: { readonly environment: Environment; readonly handler: (event: unknown, context: object) => unknown }[] =
    [];
  const start = () => {
    const environment = outside.environment();
    const handler = pipeline<Arrival>("account", { deadLetter: "block", logger: silent, clock, dedupeStore })
      .to(target.sink(environment), ({ after }) => after && target.toMessage(after), { dedupe })
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

  const clock = hurriedClock(run.factor, (records[0]?.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000);
  const { invoke, counts } = functionOf(run, clock);
  const mapping = eventSourceMapping({
    client: stream.client,
    streamArn: stream.streamArn,
    handler: invoke,
    startingPosition: "TRIM_HORIZON",
    batchSize: 100,
    parallelizationFactor: 4,
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    functionTimeoutMs,
    clock,
  });
  await mapping.start();
  await mapping.drained();
  await mapping.stop();
  const { deaths, failedEntries, throttled } = counts;
  return {
    ...accountOf(records.map(arrivalOf), await run.target.arrived()),
    deaths,
    failedEntries,
    throttledRequests: throttled,
  };
};
