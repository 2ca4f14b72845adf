// Finds and removes the rows that an item has left at other keys. They are left from another version of the key function:
// the sink cannot compare two functions, so it looks for the owner.

import { ownerOf } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import type { Cell } from "./codec.ts";
import { type Contestant, contest, type SharedContext } from "./contest.ts";
import { isRemoval, literals } from "./parameters.ts";
import type { StrayRow } from "./shared-statements.ts";

/** An entry with its owner: the source item. */
export interface OwnedRowEntry extends RowEntry {
  readonly owner: string;
}

/** Returns the entry with its owner. */
export const owned = (entry: RowEntry): OwnedRowEntry => ({ ...entry, owner: ownerOf(entry.delivery.change.itemKey) });

/** Returns the owners as one text, separated by commas. */
export const owners = (entries: readonly OwnedRowEntry[]): string => entries.map(({ owner }) => owner).join(",");

interface Stray {
  readonly cells: readonly Cell[];
  readonly version: string;
  readonly isRemoved: boolean;
}

const strayOf = (row: StrayRow, keyCount: number): Stray => ({
  cells: Array.from({ length: keyCount }, (_, index) => row[`k${index}`] ?? null),
  version: row.version,
  isRemoved: row.isRemoved === "true",
});

/** The strays of each entry that has one. */
export type Strays = ReadonlyMap<OwnedRowEntry, readonly Stray[]>;

/** Finds the entries of the items at other keys. There are some only if option `key` is a function. */
export const findStrays = async (
  { session, sink, plan }: SharedContext,
  entries: readonly OwnedRowEntry[],
): Promise<Strays> => {
  const found = new Map<OwnedRowEntry, Stray[]>();
  if (!plan.canStray || entries.length === 0) return found;
  const keys = literals(sink, { columns: plan.keys }, entries);
  const { rows } = await session.query(plan.strays, [...keys, owners(entries)]);
  for (const row of rows as readonly StrayRow[]) {
    const entry = entries[Number(row.position) - 1];
    if (entry !== undefined) found.set(entry, [...(found.get(entry) ?? []), strayOf(row, plan.keys.length)]);
  }
  return found;
};

/** Whether the item was written to another key with the same or a newer version. */
const isOutdated = (entry: OwnedRowEntry, strays: readonly Stray[]): boolean => {
  const { version } = entry.delivery.change;
  return strays.some(
    (stray) => stray.version > version || (stray.version === version && !(stray.isRemoved && !isRemoval(entry))),
  );
};

const outdated = (strays: Strays): Set<OwnedRowEntry> =>
  new Set([...strays].filter(([entry, found]) => isOutdated(entry, found)).map(([entry]) => entry));

/** The removals that leave only the newest row of the entry's owner. */
const removals = ({ plan }: SharedContext, entry: OwnedRowEntry, strays: readonly Stray[]): Contestant[] => {
  const { delivery, owner } = entry;
  const versions = [delivery.change.version, ...strays.map((stray) => stray.version)];
  const version = versions.sort().at(-1) ?? "";
  const old = strays.filter((stray) => !stray.isRemoved && stray.version < version);
  const left = isOutdated(entry, strays) ? [...old, entry] : old;
  const write = { owner, version, isOnlyIfPresent: true, content: undefined };
  return left.map(({ cells }) => ({ delivery, cells: cells.slice(0, plan.keys.length), write }));
};

/** What `removeStrays` found out. */
export interface RemovedStrays {
  /** The same entries as `findOutdated`. */
  readonly outdated: ReadonlySet<OwnedRowEntry>;
  /** The entries with older rows that other writers changed each time between read and write. */
  readonly overtaken: ReadonlySet<OwnedRowEntry>;
}

/** Removes the older rows of the entries' items at other keys. */
export const removeStrays = async (
  context: SharedContext,
  entries: readonly OwnedRowEntry[],
): Promise<RemovedStrays> => {
  const strays = await findStrays(context, entries);
  const owners = new Map<Contestant, OwnedRowEntry>();
  for (const [entry, found] of strays) for (const left of removals(context, entry, found)) owners.set(left, entry);
  const outcomes = await contest(context, [...owners.keys()]);
  const overtaken = [...owners].filter(([left]) => outcomes.get(left) === "overtaken").map(([, entry]) => entry);
  return { outdated: outdated(strays), overtaken: new Set(overtaken) };
};
