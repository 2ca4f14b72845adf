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
  readonly pk: string;
  readonly eventId: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  readonly record: StreamRecord;
  readonly shard: number;
}

export const pkOf = (item: number): string => `item-${item}`;

/** Plays the steps of a plan. A removal of an item that does not exist writes no record. */
export const changesOf = ({ steps, viewType, shards }: Plan, start: number): readonly TableChange[] => {
  const items = new Map<string, Item>();
  const changes: TableChange[] = [];
  for (const { at, item, kind, type, expiresInMs } of steps) {
    const pk = pkOf(item);
    const before = items.get(pk);
    if (kind !== "put" && before === undefined) continue;
    const position = changes.length + 1;
    const after = kind === "put" ? { pk, sk: "1", type, rev: position, expires: start + at + expiresInMs } : undefined;
    if (after === undefined) items.delete(pk);
    else items.set(pk, after);
    const record = streamRecord({ before, after, position, viewType, isTtlRemoval: kind === "expire" });
    const eventId = record.eventID as string;
    changes.push({ position, at: start + at, pk, eventId, before, after, record, shard: item % shards });
  }
  return changes;
};
