// The source table: its changes, and the records of its stream.

import type { StreamRecord } from "@sluice/core/envelope";
import { type RecordOptions, streamRecord } from "@sluice/testing";
import type { Plan } from "./plan.ts";

/** An item of the table. */
export type Item = {
  readonly pk: string;
  readonly sk: string;
  readonly type: string;
  readonly rev: number;
  readonly expires: number;
};

/** A change of the table. */
export interface TableChange {
  readonly position: number;
  readonly at: number;
  /** Name of the item. */
  readonly item: string;
  readonly eventId: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  /** The record in the stream of the region in which the change was made. */
  readonly record: StreamRecord;
  /** The records in the streams of all regions. */
  readonly arrivals: readonly Arrival[];
  readonly shard: number;
}

/** A record in the stream of one region. */
export interface Arrival {
  readonly at: number;
  readonly record: StreamRecord;
}

/** The regions of the table. The stream of the second may be older or younger than the stream of the first. */
const regions = ["us-east-1", "eu-west-1"] as const;
const labels = {
  first: "2025-11-01T00:00:00.000",
  older: "2025-10-01T00:00:00.000",
  younger: "2025-12-01T00:00:00.000",
};

/** Milliseconds until a change is replicated to the other region. */
const replicationMs = 1_500;

/** The region in which clients write at a time. */
export const regionAt = ({ failover }: Plan, at: number): number =>
  failover !== undefined && at >= failover.away && at < failover.back ? 1 : 0;

/** The ARN of the table in a region. */
export const tableArn = (region: number): string => `arn:aws:dynamodb:${regions[region]}:123456789012:table/Orders`;

/** Returns the record of a change in the stream of a region. Regions give their records different sequence numbers. */
const recordIn = (plan: Plan, region: number, at: number, options: RecordOptions): StreamRecord => {
  const { position = 1 } = options;
  const second = plan.failover?.isYounger ? labels.younger : labels.older;
  const record = streamRecord({
    ...options,
    viewType: plan.viewType,
    position: region === 0 ? position : 3 * position + 7,
    streamLabel: region === 0 ? labels.first : second,
    createdAt: new Date(at).toISOString(),
  });
  const label = (record.eventSourceARN ?? "").split("/stream/")[1];
  const own = { awsRegion: regions[region] as string, eventSourceARN: `${tableArn(region)}/stream/${label}` };
  return { ...record, ...own, eventID: `${record.eventID}-${region}` };
};

/** The key of an item. */
export type ItemKeys = {
  readonly pk: string;
  readonly sk: string;
};

/** Returns the key of the item with this number. If rows are shared, some keys differ in case or in `sk` only. */
export const keysOf = (number: number, sharesRows: boolean): ItemKeys => {
  if (sharesRows && number === 1) return { pk: "ITEM-0", sk: "1" };
  return sharesRows && number === 2 ? { pk: "item-0", sk: "2" } : { pk: `item-${number}`, sk: "1" };
};

/** The name of an item, from its key. */
export const nameOf = ({ pk, sk }: { readonly [attribute: string]: unknown }): string => `${pk}/${sk}`;

/** The key of the row of an item's copy. */
export const rowKey = (sharesRows: boolean, keys: { readonly [attribute: string]: unknown }): string =>
  sharesRows ? String(keys.pk).toLowerCase() : nameOf(keys);

/** Plays the steps of a plan. A removal of an item that does not exist writes no record. */
export const changesOf = (plan: Plan, start: number): readonly TableChange[] => {
  const { steps, shards, sharesRows, failover } = plan;
  const items = new Map<string, Item>();
  const changes: TableChange[] = [];
  for (const { at, item: number, kind, type, expiresInMs } of steps) {
    const keys = keysOf(number, sharesRows);
    const item = nameOf(keys);
    const before = items.get(item);
    if (kind !== "put" && before === undefined) continue;
    const position = changes.length + 1;
    const after = kind === "put" ? { ...keys, type, rev: position, expires: start + at + expiresInMs } : undefined;
    if (after === undefined) items.delete(item);
    else items.set(item, after);
    const home = regionAt(plan, at);
    const options = { before, after, position, isTtlRemoval: kind === "expire" };
    const arrivals = (failover === undefined ? [0] : [0, 1]).map((region) => {
      const arrivesAt = start + at + (region === home ? 0 : replicationMs);
      return { at: arrivesAt, record: recordIn(plan, region, arrivesAt, options) };
    });
    const { record } = arrivals[home] as Arrival;
    const eventId = record.eventID as string;
    const change = { position, at: start + at, item, eventId, before, after, record, arrivals };
    changes.push({ ...change, shard: number % shards });
  }
  return changes;
};

/** A record of another table, whose stream claims to be younger than all others. */
export const strangerRecord = ({ viewType, sharesRows }: Plan, item: number): StreamRecord =>
  streamRecord({
    after: { ...keysOf(item, sharesRows), type: "a", rev: 9_000, expires: Number.MAX_SAFE_INTEGER },
    viewType,
    tableName: "Others",
    streamLabel: "9999-01-01T00:00:00.000",
  });
