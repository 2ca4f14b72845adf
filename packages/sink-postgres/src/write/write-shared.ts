// Writes a batch whose items may have the same rows. Decision 0038 has the rule.
//
// Most rows have one item. One statement writes them, like the statement for rows that are proved to have one item, but
// it takes no row of another owner. The deliveries that it did not take are superseded, or they meet other items. The
// latter are sent again: they are contested.

import { delivered, failed, SinkError, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import { resultsOf, splitByRow } from "./batch.ts";
import {
  ColumnsChanged,
  type Contestant,
  contentOf,
  contest,
  contestNothing,
  overtakenError,
  type SharedContext,
} from "./contest.ts";
import {
  isOnlyIfPresent,
  isRemoval,
  literals,
  positionsOf,
  removalFlags,
  splitAbsent,
  versions,
} from "./parameters.ts";
import type { WriteStatements } from "./plan.ts";
import { type PartAnswer, type SentPart, stale } from "./send-rows.ts";
import type { WriteAnswer } from "./statements.ts";
import { type OwnedRowEntry, owned, owners, removeStrays } from "./strays.ts";

/** What a write of shared rows needs. */
export interface SharedWrite extends SharedContext {
  /** The statements for the columns of the part. */
  readonly statements: WriteStatements;
  readonly deleteRemoved: string;
  /** The entries that met other items. */
  readonly contested: WeakSet<RowEntry>;
}

const keyLiterals = ({ sink, plan }: SharedContext, entries: readonly RowEntry[]): string[] =>
  literals(sink, { columns: plan.keys }, entries);

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

const sendStatement = async (
  { session, sink, statements }: SharedWrite,
  entries: readonly OwnedRowEntry[],
  hasRemovals: boolean,
): Promise<WriteAnswer> => {
  const parameters = [...literals(sink, statements, entries), versions(entries), owners(entries)];
  if (hasRemovals) parameters.push(removalFlags(entries));
  const { rows } = await session.query(hasRemovals ? statements.upsertsAndRemovals : statements.upserts, parameters);
  const answer = rows[0] as WriteAnswer;
  if (!answer.current) throw new ColumnsChanged();
  return answer;
};

/** Writes the rows that have no other owner. */
const writeUncontested = async (context: SharedWrite, entries: readonly OwnedRowEntry[]): Promise<Uncontested> => {
  const removals = entries.filter(isRemoval);
  const { gone, lost, contested } = await sendStatement(context, entries, removals.length > 0);
  if (Number(gone) < removals.length) {
    await context.session.query(context.deleteRemoved, [...keyLiterals(context, removals), versions(removals)]);
  }
  const open = positionsOf(contested ?? null);
  return {
    results: resultsOf(entries, lost).filter((_, index) => !open.has(index + 1)),
    contested: entries.filter((_, index) => open.has(index + 1)),
  };
};

const uncontested = async (context: SharedWrite, entries: readonly OwnedRowEntry[]): Promise<Uncontested> => {
  if (entries.length === 0) return { results: [], contested: [] };
  try {
    return await writeUncontested(context, entries);
  } catch (error) {
    if (!writesRowTwice(error)) throw error;
    return { results: [], contested: entries };
  }
};

const contestantOf = ({ statements }: SharedWrite, entry: OwnedRowEntry): Contestant => {
  const { delivery, cells, owner } = entry;
  const content = isRemoval(entry) ? undefined : contentOf(statements, cells);
  const write = { owner, version: delivery.change.version, isOnlyIfPresent: isOnlyIfPresent(entry), content };
  return { delivery, cells, write };
};

const contestAll = async (context: SharedWrite, entries: readonly OwnedRowEntry[]): Promise<WriteResult[]> => {
  const outcomes = await contest(
    context,
    entries.map((entry) => contestantOf(context, entry)),
  );
  return [...outcomes].map(([{ delivery }, outcome]) => {
    if (outcome === "overtaken") return failed(delivery, overtakenError(context.sink));
    return outcome === "delivered" ? delivered(delivery) : superseded(delivery);
  });
};

const deliveriesOf = (entries: Iterable<RowEntry>): Set<unknown> =>
  new Set([...entries].map(({ delivery }) => delivery));

/** Another writer with another key function may have written the items at the same time. */
const checkStrays = async (
  context: SharedWrite,
  entries: readonly OwnedRowEntry[],
  results: readonly WriteResult[],
): Promise<readonly WriteResult[]> => {
  const found = await removeStrays(context, entries);
  const [outdated, overtaken] = [deliveriesOf(found.outdated), deliveriesOf(found.overtaken)];
  return results.map((result) => {
    if (result.outcome === "failed") return result;
    if (overtaken.has(result.delivery)) return failed(result.delivery, overtakenError(context.sink));
    return outdated.has(result.delivery) ? superseded(result.delivery) : result;
  });
};

/** Writes entries that met other items in an earlier statement. */
const writeContested = async (context: SharedWrite, entries: readonly OwnedRowEntry[]): Promise<SentPart> => ({
  results: await checkStrays(context, entries, await contestAll(context, entries)),
});

const writeFirst = async (context: SharedWrite, part: readonly OwnedRowEntry[]): Promise<SentPart> => {
  const { outdated, overtaken } = await removeStrays(context, part);
  const rest = part.filter((entry) => !outdated.has(entry) && !overtaken.has(entry));
  const { entries, results: absent } = await withoutAbsent(context, rest);
  const { first, others } = splitByRow(entries);
  const { results, contested } = await uncontested(context, first);
  const left = [...contested, ...others];
  for (const entry of left) context.contested.add(entry);
  const written = first.filter((entry) => !context.contested.has(entry));
  return {
    results: [
      ...[...outdated].filter((entry) => !overtaken.has(entry)).map(({ delivery }) => superseded(delivery)),
      ...[...overtaken].map(({ delivery }) => failed(delivery, overtakenError(context.sink))),
      ...absent,
      ...(await checkStrays(context, written, results)),
    ],
    left,
  };
};

const orStale = async <Value>(work: Promise<Value>): Promise<Value | typeof stale> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ColumnsChanged) return stale;
    throw error;
  }
};

/**
 * Writes a part of a batch. The entries that met other items are `left`: they are written if they are sent again.
 * @throws {SinkError} when Postgres refuses a row, or the part.
 */
export const writeShared = (context: SharedWrite, part: readonly RowEntry[]): Promise<PartAnswer> => {
  const isContested = part.every((entry) => context.contested.has(entry));
  return orStale(
    isContested ? writeContested(context, part as readonly OwnedRowEntry[]) : writeFirst(context, part.map(owned)),
  );
};

/** Sends the statements of a part without rows. @throws {SinkError} when Postgres refuses one of them. */
export const writeNothingShared = (
  context: SharedWrite,
  part: readonly RowEntry[],
): Promise<typeof stale | undefined> => {
  const sendNothing = async (): Promise<undefined> => {
    await sendStatement(context, [], part.some(isRemoval));
    await contestNothing(context);
  };
  return orStale(sendNothing());
};
