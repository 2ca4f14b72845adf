// The items of the conformance kit and of the random histories. All have one type, so a rig needs only one mapper.

import type { NumberValue } from "@aws-sdk/util-dynamodb";
import { type Change, decodeRecord } from "@sluice/core/sink-kit";
import { tableHistory } from "./table-history.ts";

/** An item of the kit or of a random history. Its key is `pk` and `sk`. */
export type SpecimenItem = {
  readonly pk: string;
  readonly sk: string;
  /** Increases with every write of the item. */
  readonly revision: number;
  readonly note?: string;
  /** A number of up to 38 digits. It is a `NumberValue` if a double would round it. */
  readonly amount?: number | NumberValue;
  /** Any values of DynamoDB: maps, lists, sets, binary, null, booleans. */
  readonly payload?: { readonly [member: string]: unknown };
};

/** A text in the key and the note of every specimen. Error messages must not contain it. */
export const confidential = "confidential-7f3a";

/** The keys of the specimen with this name. They contain `confidential`, so that C19 detects keys in error messages. */
export const keysOf = (name: string): { readonly pk: string; readonly sk: string } => ({
  pk: `${confidential}#${name}`,
  sk: "1",
});

/** A table of specimens that returns decoded changes. */
export interface SpecimenTable {
  /** Inserts or replaces an item, with a new `revision` and a note by default. */
  readonly put: (name: string, attributes?: Partial<Record<keyof SpecimenItem, unknown>>) => Change<SpecimenItem>;
  /** Puts each of these items with the default attributes. */
  readonly putEach: (...names: readonly string[]) => readonly Change<SpecimenItem>[];
  /** Puts this many new items. */
  readonly putMany: (count: number) => readonly Change<SpecimenItem>[];
  readonly remove: (name: string) => Change<SpecimenItem>;
}

/** Creates an empty table of specimens. */
export const specimenTable = (): SpecimenTable => {
  const table = tableHistory({ tableName: "Specimens" });
  let revision = 0;
  const put: SpecimenTable["put"] = (name, attributes = {}) => {
    revision += 1;
    const item = { ...keysOf(name), revision, note: `${confidential} ${name} ${revision}`, ...attributes };
    return decodeRecord<SpecimenItem>(table.put(item));
  };
  return {
    put,
    putEach: (...names) => names.map((name) => put(name)),
    putMany: (count) => Array.from({ length: count }, () => put(`item-${revision}`)),
    remove: (name) => decodeRecord<SpecimenItem>(table.remove(keysOf(name))),
  };
};
