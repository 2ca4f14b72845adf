// Writes a batch whose items may have the same rows. Decision 0038 has the rule.
//
// Most rows have one item. One statement writes them, like the statement for rows that are proved to have one item, but
// it takes no row of another owner. The deliveries that it did not take are superseded, or they meet other items.

import { delivered, failed, SinkError, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import { resultsOf, splitByRow } from "./batch.ts";
import {
  type Contestant,
  contest,
  meetings,
  overtakenError,
  ownedWrite,
  readShared,
  type SharedContext,
} from "./contest.ts";
import { ownerOf } from "./owner.ts";
import { isRemoval, literals, positionsOf, removalFlags, splitAbsent, versions } from "./parameters.ts";
import type { WriteAnswer } from "./statements.ts";
import { findOutdated, type OwnedRowEntry, removeStrays } from "./strays.ts";

const owned = (entry: RowEntry): OwnedRowEntry => ({ ...entry, owner: ownerOf(entry.delivery.change.itemKey) });

const owners = (entries: readonly OwnedRowEntry[]): string => entries.map(({ owner }) => owner).join(",");

const keyLiterals = ({ sink, plan }: SharedContext, entries: readonly RowEntry[]): string[] =>
  literals(sink, plan.columns.slice(0, plan.keyCount), entries);

const withoutAbsent = (context: SharedContext, entries: readonly OwnedRowEntry[]) =>
  splitAbsent(entries, async (precautions) => {
    const parameters = [...keyLiterals(context, precautions), owners(precautions)];
    const { rows } = await context.session.query(context.plan.present, parameters);
    return (rows[0] as { readonly present: string | null }).present;
  });

/** SQLSTATE of a statement that would write a row twice: two keys of the batch are equal only to Postgres. */
const writesRowTwice = (error: unknown): boolean => {
  const cause = error instanceof SinkError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "21000";
};

/** The results of one statement for its entries. The contested entries have no result yet. */
interface Uncontested {
  readonly results: readonly WriteResult[];
  readonly contested: readonly OwnedRowEntry[];
}

/** Writes the rows that have no other owner, as `writePart` does. */
const writeUncontested = async (context: SharedContext, entries: readonly OwnedRowEntry[]): Promise<Uncontested> => {
  const { session, sink, plan } = context;
  const removals = entries.filter(isRemoval);
  const parameters = [...literals(sink, plan.columns, entries), versions(entries), owners(entries)];
  if (removals.length > 0) parameters.push(removalFlags(entries));
  const { rows } = await session.query(removals.length > 0 ? plan.upsertsAndRemovals : plan.upserts, parameters);
  const { gone, lost, contested } = rows[0] as WriteAnswer;
  if (Number(gone) < removals.length) {
    await session.query(plan.deleteRemoved, [...keyLiterals(context, removals), versions(removals)]);
  }
  const open = positionsOf(contested ?? null);
  return {
    results: resultsOf(entries, lost).filter((_, index) => !open.has(index + 1)),
    contested: entries.filter((_, index) => open.has(index + 1)),
  };
};

const uncontested = async (context: SharedContext, entries: readonly OwnedRowEntry[]): Promise<Uncontested> => {
  if (entries.length === 0) return { results: [], contested: [] };
  try {
    return await writeUncontested(context, entries);
  } catch (error) {
    if (!writesRowTwice(error)) throw error;
    return { results: [], contested: entries };
  }
};

const contestantOf = ({ plan }: SharedContext, { delivery, cells, owner }: OwnedRowEntry): Contestant => {
  const isOnlyIfPresent = delivery.onlyIfPresent === true && delivery.message === undefined;
  const write = { owner, version: delivery.change.version, isOnlyIfPresent };
  return { delivery, cells, write: ownedWrite(plan, write, delivery.message === undefined ? undefined : cells) };
};

const contestAll = async (context: SharedContext, entries: readonly OwnedRowEntry[]): Promise<WriteResult[]> => {
  const outcomes = await contest(
    context,
    entries.map((entry) => contestantOf(context, entry)),
  );
  return [...outcomes].map(([{ delivery }, outcome]) => {
    if (outcome === "overtaken") return failed(delivery, overtakenError(context.sink));
    return outcome === "delivered" ? delivered(delivery) : superseded(delivery);
  });
};

/** Writes a part of a batch. @throws {SinkError} when Postgres refuses a row, or the part. */
export const writeShared = async (context: SharedContext, part: readonly RowEntry[]): Promise<WriteResult[]> => {
  const all = part.map(owned);
  const elsewhere = await removeStrays(context, all);
  const rest = all.filter((entry) => !elsewhere.has(entry));
  const { entries, results: absent } = await withoutAbsent(context, rest);
  const { first, others } = splitByRow(entries);
  const { results: written, contested } = await uncontested(context, first);
  const decided = await contestAll(context, [...contested, ...others]);
  // Another writer with another key function may have written an item at the same time.
  const overtaken = new Set([...(await removeStrays(context, rest))].map(({ delivery }) => delivery));
  const results = [...absent, ...written, ...decided].map((result) =>
    result.outcome === "delivered" && overtaken.has(result.delivery as never) ? superseded(result.delivery) : result,
  );
  return [...[...elsewhere].map(({ delivery }) => superseded(delivery)), ...results];
};

/** Predicts the results of `writeShared`. Writes nothing. */
export const dryRunShared = async (context: SharedContext, part: readonly RowEntry[]): Promise<WriteResult[]> => {
  const all = part.map(owned);
  const elsewhere = await findOutdated(context, all);
  const contestants = all.filter((entry) => !elsewhere.has(entry)).map((entry) => contestantOf(context, entry));
  const rows = await readShared(context, contestants);
  const accepted = new Set(meetings(context.plan, rows).flatMap((meeting) => [...meeting.accepted]));
  const isWritten = (one: Contestant): boolean => (rows.has(one) ? accepted.has(one) : !one.write.isOnlyIfPresent);
  return [
    ...[...elsewhere].map(({ delivery }) => superseded(delivery)),
    ...contestants.map((one) => (isWritten(one) ? delivered(one.delivery) : superseded(one.delivery))),
  ];
};
