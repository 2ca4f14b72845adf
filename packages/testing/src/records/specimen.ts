// The items of the conformance kit and of the random histories: one shape, so that a rig maps it once.

import type { NumberValue } from "@aws-sdk/util-dynamodb";
import { type Change, decodeRecord } from "@sluice/core/sink-kit";
import { type HistoryOptions, tableHistory } from "./table-history.ts";

/** Every item that the kit writes, and that a random history holds. The key is `pk` and `sk`. */
export type SpecimenItem = {
  readonly pk: string;
  readonly sk: string;
  /** Rises with every write of the item. */
  readonly revision: number;
  readonly note?: string;
  /** Up to 38 digits: `NumberValue` where a double would round it. */
  readonly amount?: number | NumberValue;
  /** Anything that DynamoDB holds: maps, lists, sets, binary, null, booleans. */
  readonly payload?: { readonly [member: string]: unknown };
};

/** The text that no error message may hold, as every specimen carries it in its key and in its note. */
export const confidential = "confidential-7f3a";

/** Short names to keys: the text is part of the key, so that C19 sees keys in messages too. */
export const keysOf = (name: string): { readonly pk: string; readonly sk: string } => ({
  pk: `${confidential}#${name}`,
  sk: "1",
});

/** A table of specimens, whose changes come back decoded. */
export interface SpecimenTable {
  /** Inserts or replaces an item; `revision` and a note are filled in. */
  readonly put: (name: string, attributes?: Partial<Record<keyof SpecimenItem, unknown>>) => Change<SpecimenItem>;
  readonly remove: (name: string) => Change<SpecimenItem>;
  readonly recreateStream: (streamLabel: string) => void;
}

/** An empty table of specimens. */
export const specimenTable = (options: HistoryOptions = {}): SpecimenTable => {
  const table = tableHistory({ tableName: "Specimens", ...options });
  let revision = 0;
  return {
    put: (name, attributes = {}) => {
      revision += 1;
      const item = { ...keysOf(name), revision, note: `${confidential} ${name} ${revision}`, ...attributes };
      return decodeRecord<SpecimenItem>(table.put(item));
    },
    remove: (name) => decodeRecord<SpecimenItem>(table.remove(keysOf(name))),
    recreateStream: table.recreateStream,
  };
};
