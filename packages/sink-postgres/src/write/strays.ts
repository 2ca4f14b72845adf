// Finds and removes the rows that an item has left at other keys. They are left from another version of the key function:
// the sink cannot compare two functions, so it looks for the owner.

import type { RowEntry } from "../encode.ts";
import type { Cell } from "./codec.ts";
import { type Contestant, contest, overtakenError, ownedWrite, type SharedContext } from "./contest.ts";
import { isRemoval, literals } from "./parameters.ts";
import type { StrayRow } from "./shared-statements.ts";

/** An entry with its owner: the source item. */
export interface OwnedRowEntry extends RowEntry {
  readonly owner: string;
}

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

type Strays = ReadonlyMap<OwnedRowEntry, readonly Stray[]>;

const findStrays = async (
  { session, sink, plan }: SharedContext,
  entries: readonly OwnedRowEntry[],
): Promise<Strays> => {
  const found = new Map<OwnedRowEntry, Stray[]>();
  if (!plan.canStray || entries.length === 0) return found;
  const keys = literals(sink, plan.columns.slice(0, plan.keyCount), entries);
  const { rows } = await session.query(plan.strays, [...keys, entries.map(({ owner }) => owner).join(",")]);
  for (const row of rows as readonly StrayRow[]) {
    const entry = entries[Number(row.position) - 1];
    if (entry !== undefined) found.set(entry, [...(found.get(entry) ?? []), strayOf(row, plan.keyCount)]);
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
  const write = ownedWrite(plan, { owner, version, isOnlyIfPresent: true });
  return left.map(({ cells }) => ({ delivery, cells: cells.slice(0, plan.keyCount), write }));
};

/** Returns the entries whose items have the same or a newer version at another key. Writes nothing. */
export const findOutdated = async (
  context: SharedContext,
  entries: readonly OwnedRowEntry[],
): Promise<ReadonlySet<OwnedRowEntry>> => outdated(await findStrays(context, entries));

/** Removes the older rows of the entries' items at other keys. Returns the same entries as `findOutdated`. */
export const removeStrays = async (
  context: SharedContext,
  entries: readonly OwnedRowEntry[],
): Promise<ReadonlySet<OwnedRowEntry>> => {
  const strays = await findStrays(context, entries);
  const left = [...strays].flatMap(([entry, found]) => removals(context, entry, found));
  const outcomes = await contest(context, left);
  if ([...outcomes.values()].includes("overtaken")) throw overtakenError(context.sink);
  return outdated(strays);
};
