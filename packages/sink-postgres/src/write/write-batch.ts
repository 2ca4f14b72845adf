// The write of a batch on one connection. Encoding is in encode.ts, SQL in statement.ts, splitting in batch.ts.

import { SinkError, type UpsertDelivery, type WriteResult } from "@sluice/core/sink-kit";
import type { Session } from "../client/pool.ts";
import { compileEncode, type Entry, type WrittenColumn, writtenColumns } from "../encode.ts";
import type { Settings } from "../options.ts";
import { readCatalogue } from "../schema/catalogue.ts";
import { encodeAll, sendInParts, settle, sortByRow } from "./batch.ts";
import { arrayLiteral, type Cell, Misfit, numericLiteral } from "./codec.ts";
import { peekStatement, settleStatement, type WriteAnswer, writeStatement } from "./statements.ts";

/** How batches are written to the table as it is: made once, from the options and the catalogue. */
export interface Plan {
  /** Keys first. */
  readonly columns: readonly WrittenColumn[];
  readonly keyCount: number;
  readonly encode: (delivery: UpsertDelivery<unknown>) => Entry;
  readonly upserts: string;
  readonly upsertsAndRemovals: string;
  readonly settleRemovals: string;
  readonly dryRun: string;
}

/**
 * Makes the plan.
 * @throws {SinkError} SINK_MISSING when the table, or a column that the options name, does not exist
 */
export const readPlan = async (session: Session, settings: Settings): Promise<Plan> => {
  const catalogue = await readCatalogue(session, settings.relations.rows);
  if (catalogue === undefined) {
    throw new SinkError(
      "SINK_MISSING",
      `[${settings.name}] there is no table ${settings.relations.rows}; ensure() creates it`,
    );
  }
  const columns = writtenColumns(settings, catalogue);
  const shape = { ...columns, relations: settings.relations };
  return Object.freeze({
    columns: [...columns.keys, ...columns.columns],
    keyCount: columns.keys.length,
    encode: compileEncode(settings, columns),
    upserts: writeStatement(shape, false),
    upsertsAndRemovals: writeStatement(shape, true),
    settleRemovals: settleStatement(shape),
    dryRun: peekStatement(shape),
  });
};

const literal = (sink: string, { name, codec }: WrittenColumn, cells: readonly Cell[]): string => {
  try {
    return codec === "other" ? numericLiteral(cells) : arrayLiteral(cells);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new SinkError("SINK_REJECTED", `[${sink}] column "${name}": ${error.message}`);
  }
};

const isRemoval = ({ delivery }: Entry): boolean => delivery.message === undefined;

const literals = (sink: string, columns: readonly WrittenColumn[], entries: readonly Entry[]): string[] =>
  columns.map((column, index) =>
    literal(
      sink,
      column,
      entries.map(({ cells }) => cells[index] ?? null),
    ),
  );

/** The key columns, as parameters. */
const keyLiterals = (sink: string, { columns, keyCount }: Plan, entries: readonly Entry[]): string[] =>
  literals(sink, columns.slice(0, keyCount), entries);

/** A version has digits and a hyphen. */
const versions = (entries: readonly Entry[]): string =>
  entries.map(({ delivery }) => delivery.change.version).join(",");

/** Sends one statement for the entries, and the one after it in the rare case that a removal deleted nothing. */
const writePart = async (
  session: Session,
  settings: Settings,
  plan: Plan,
  part: readonly Entry[],
): Promise<readonly WriteResult[]> => {
  const { entries, settled } = sortByRow(part);
  const removals = entries.filter(isRemoval);
  const parameters = [...literals(settings.name, plan.columns, entries), versions(entries)];
  if (removals.length > 0) parameters.push(arrayLiteral(entries.map((entry) => String(isRemoval(entry)))));
  const text = removals.length > 0 ? plan.upsertsAndRemovals : plan.upserts;
  const { rows } = await session.query(text, parameters);
  const { gone, lost } = rows[0] as WriteAnswer;
  if (settings.relations.guard === "ledger" && Number(gone) < removals.length) {
    await session.query(plan.settleRemovals, [...keyLiterals(settings.name, plan, removals), versions(removals)]);
  }
  return [...settled, ...settle(entries, lost)];
};

/** Compares the entries' versions with those that the table holds. */
const peekPart = async (
  session: Session,
  settings: Settings,
  plan: Plan,
  part: readonly Entry[],
): Promise<readonly WriteResult[]> => {
  const { entries, settled } = sortByRow(part);
  const { rows } = await session.query(plan.dryRun, [...keyLiterals(settings.name, plan, entries), versions(entries)]);
  return [...settled, ...settle(entries, (rows[0] as Pick<WriteAnswer, "lost">).lost)];
};

/** What is done with a batch. The session ends with the signal; what was not started by then fails with DEADLINE_EXCEEDED. */
export type BatchCall = (
  session: Session,
  settings: Settings,
  plan: Plan,
  batch: readonly UpsertDelivery<unknown>[],
  signal: AbortSignal,
) => Promise<readonly WriteResult[]>;

const inParts =
  (sendPart: typeof writePart): BatchCall =>
  async (session, settings, plan, batch, signal) => {
    const { entries, settled } = encodeAll(batch, plan.encode);
    const send = (part: readonly Entry[]): Promise<readonly WriteResult[]> => sendPart(session, settings, plan, part);
    return [...settled, ...(await sendInParts(entries, send, signal))];
  };

/** Writes a batch. */
export const writeBatch: BatchCall = inParts(writePart);

/** Answers what writing the batch would. What only the server refuses, such as NULL where it takes none, it cannot tell. */
export const peekBatch: BatchCall = inParts(peekPart);
