// Writes a batch on one connection: encodes the rows, sends the SQL statement, and reads the answer.

import {
  type DeliveryError,
  encodeEach,
  isTargetWide,
  SinkError,
  sendInParts,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import { compileEncode, type RowEntry } from "../encode.ts";
import type { PostgresSettings } from "../options.ts";
import { readCatalogue } from "../schema/catalogue.ts";
import { halvesByAge, resultsOf, sortByRow } from "./batch.ts";
import { isRemoval, literals, removalFlags, splitAbsent, versions } from "./parameters.ts";
import { readSharing, type SharedPlan } from "./shared-plan.ts";
import {
  deleteRemovedStatement,
  dryRunStatement,
  presentStatement,
  type WriteAnswer,
  writeStatement,
} from "./statements.ts";
import { dryRunShared, writeShared } from "./write-shared.ts";
import { type WrittenColumn, writtenColumns } from "./written-columns.ts";

/** The SQL statements and columns for writing. Created once, from the options and the table's catalogue. */
export interface WritePlan {
  /** The key columns come first. */
  readonly columns: readonly WrittenColumn[];
  readonly keyCount: number;
  readonly encode: (delivery: UpsertDelivery<unknown>) => RowEntry;
  readonly upserts: string;
  readonly upsertsAndRemovals: string;
  readonly deleteRemoved: string;
  readonly dryRun: string;
  readonly present: string;
  /** For batches whose items may have the same row. */
  readonly shared: SharedPlan;
}

/** Creates the plan from the catalogue. @throws {SinkError} SINK_MISSING when the table or a column is missing. */
export const readPlan = async (session: Session, settings: PostgresSettings): Promise<WritePlan> => {
  const { name, relations } = settings;
  const catalogue = await readCatalogue(session, relations.rows);
  if (catalogue === undefined) {
    throw new SinkError("SINK_MISSING", `[${name}] table ${relations.rows} does not exist; ensure() creates it`);
  }
  const { columns, shared } = await readSharing(session, settings, writtenColumns(settings, catalogue));
  const shape = { ...columns, relations };
  return Object.freeze({
    columns: [...columns.keys, ...columns.columns],
    keyCount: columns.keys.length,
    encode: compileEncode(settings, columns),
    upserts: writeStatement(shape, false),
    upsertsAndRemovals: writeStatement(shape, true),
    deleteRemoved: deleteRemovedStatement(shape),
    dryRun: dryRunStatement(shape),
    present: presentStatement(shape),
    shared,
  });
};

/** Returns one array literal for each key column, as parameters. */
const keyLiterals = (sink: string, { columns, keyCount }: WritePlan, entries: readonly RowEntry[]): string[] =>
  literals(sink, columns.slice(0, keyCount), entries);

/** Sends one SQL statement for all entries of a part. */
type SendPart = (
  session: Session,
  settings: PostgresSettings,
  plan: WritePlan,
  part: readonly RowEntry[],
) => Promise<readonly WriteResult[]>;

/** Splits off the removals that need no tombstone. This costs a query only if the batch has such removals. */
const withoutAbsent = (session: Session, { name }: PostgresSettings, plan: WritePlan, part: readonly RowEntry[]) =>
  splitAbsent(part, async (entries) => {
    const { rows } = await session.query(plan.present, keyLiterals(name, plan, entries));
    return (rows[0] as { readonly present: string | null }).present;
  });

/** Writes the entries. In the rare case that a removal deleted no row, `deleteRemoved` looks for the row again. */
const writePart: SendPart = async (session, settings, plan, part) => {
  if (plan.shared.isNeeded(part)) return writeShared({ session, sink: settings.name, plan: plan.shared }, part);
  const { entries: needed, results: absent } = await withoutAbsent(session, settings, plan, part);
  if (needed.length === 0) return absent;
  const { entries, results } = sortByRow(needed);
  const removals = entries.filter(isRemoval);
  const parameters = [...literals(settings.name, plan.columns, entries), versions(entries)];
  if (removals.length > 0) parameters.push(removalFlags(entries));
  const text = removals.length > 0 ? plan.upsertsAndRemovals : plan.upserts;
  const { rows } = await session.query(text, parameters);
  const { gone, lost } = rows[0] as WriteAnswer;
  if (settings.relations.guard === "version-table" && Number(gone) < removals.length) {
    await session.query(plan.deleteRemoved, [...keyLiterals(settings.name, plan, removals), versions(removals)]);
  }
  return [...absent, ...results, ...resultsOf(entries, lost)];
};

/** Compares the entries' versions with the stored versions. Writes nothing. */
const dryRunPart: SendPart = async (session, settings, plan, part) => {
  if (plan.shared.isNeeded(part)) return dryRunShared({ session, sink: settings.name, plan: plan.shared }, part);
  const { entries: needed, results: absent } = await withoutAbsent(session, settings, plan, part);
  if (needed.length === 0) return absent;
  const { entries, results } = sortByRow(needed);
  const parameters = [...keyLiterals(settings.name, plan, entries), versions(entries), removalFlags(entries)];
  const { rows } = await session.query(plan.dryRun, parameters);
  return [...absent, ...results, ...resultsOf(entries, (rows[0] as Pick<WriteAnswer, "lost">).lost)];
};

/** Writes or checks a batch on one connection. After an abort, entries not yet sent fail with DEADLINE_EXCEEDED. */
export type HandleBatch = (
  session: Session,
  settings: PostgresSettings,
  plan: WritePlan,
  batch: readonly UpsertDelivery<unknown>[],
  signal: AbortSignal,
) => Promise<readonly WriteResult[]>;

/** Whether the error affects the whole table. If so, `inParts` throws it. A timeout affects only this batch. */
const isUnusable = (error: DeliveryError): boolean =>
  error instanceof SinkError && isTargetWide(error.code) && error.code !== "SINK_TIMEOUT";

const inParts =
  (sendPart: SendPart): HandleBatch =>
  async (session, settings, plan, batch, signal) => {
    const { entries, results } = encodeEach(batch, plan.encode);
    const send = (part: readonly RowEntry[]) => sendPart(session, settings, plan, part);
    const parts = entries.length === 0 ? [] : [entries];
    const sent = await sendInParts(parts, { sink: settings.name, signal, send, split: halvesByAge });
    const [first] = sent;
    if (first?.outcome === "failed" && isUnusable(first.error)) throw first.error;
    return [...results, ...sent];
  };

/** Writes a batch, and returns the result of each delivery. */
export const writeBatch: HandleBatch = inParts(writePart);

/** Predicts a write's results. Does not predict refusals: a bad row with a new version counts as delivered. */
export const dryRunBatch: HandleBatch = inParts(dryRunPart);
