// Creates the changes of a table for a chaos test, and reads values from these changes.

import type { StreamRecord } from "@sluice/core/envelope";
import { tableHistory } from "@sluice/testing";
import { randomOf } from "../convergence/random.ts";

/** An item of the table. Every write gives the item a new `revision`. */
export interface ChaosItem {
  readonly pk: string;
  readonly revision: number;
  readonly note: string;
}

/** Returns the partition key of the item that a record changes. */
export const itemOf = ({ dynamodb }: StreamRecord): string => {
  const pk = dynamodb?.Keys?.pk;
  return pk !== undefined && "S" in pk ? pk.S : "";
};

/** Returns the sequence number of a record, which identifies the change. */
export const sequenceOf = ({ dynamodb }: StreamRecord): string => dynamodb?.SequenceNumber ?? "";

/** Returns the item after the change, or undefined if the change removed the item. */
export const imageOf = ({ dynamodb }: StreamRecord): ChaosItem | undefined => {
  const { pk, revision, note } = dynamodb?.NewImage ?? {};
  if (pk === undefined || revision === undefined || note === undefined) return undefined;
  if (!("S" in pk && "N" in revision && "S" in note)) return undefined;
  return { pk: pk.S, revision: Number(revision.N), note: note.S };
};

/** Returns the record with the current time, because a stream drops records that are a day old. */
export const withCurrentTime = (record: StreamRecord): StreamRecord => ({
  ...record,
  dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: Math.floor(Date.now() / 1000) },
});

/** Returns the records of a random history, oldest first. Items are put, removed and inserted again. */
export const historyOf = (seed: number, { items, changes }: { items: number; changes: number }): StreamRecord[] => {
  const random = randomOf(seed);
  const table = tableHistory({ keyNames: ["pk"], tableName: "Chaos" });
  const live = new Set<string>();
  for (let revision = 1; revision <= changes; revision += 1) {
    const pk = `item-${random.integer(items)}`;
    if (live.has(pk) && random.chance(0.2)) {
      table.remove({ pk });
      live.delete(pk);
    } else {
      table.put({ pk, revision, note: `note ${random.integer(1_000_000)}` });
      live.add(pk);
    }
  }
  return table.records().map(withCurrentTime);
};
