// The source table: its changes, and the records of its stream.

import type { StreamRecord } from "@sluice/core/envelope";
import { streamRecord } from "@sluice/testing";
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
  readonly record: StreamRecord;
  readonly shard: number;
}

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
export const changesOf = ({ steps, viewType, shards, sharesRows }: Plan, start: number): readonly TableChange[] => {
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
    const record = streamRecord({ before, after, position, viewType, isTtlRemoval: kind === "expire" });
    const eventId = record.eventID as string;
    changes.push({ position, at: start + at, item, eventId, before, after, record, shard: number % shards });
  }
  return changes;
};
