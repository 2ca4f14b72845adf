// Writes a batch on one connection: encodes the rows, sends the SQL statements, and reads the answers.

import {
  type EncodedBatch,
  encodeEach,
  failed,
  orSinkError,
  outcomeOf,
  rejected,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { missedSurplus } from "../classify.ts";
import { rolledBack } from "../client/rolled-back.ts";
import type { Session } from "../client/session.ts";
import type { RowEntry } from "../encode.ts";
import type { PostgresSettings } from "../options.ts";
import { sortByRow, withoutResult } from "./batch.ts";
import { countAttempt, isLastAttempt, type Overtakings, settle } from "./overtaken.ts";
import { childLiterals, isForeign, isRemoval, literals, removalFlags, splitAbsent, versions } from "./parameters.ts";
import type { Plans, WritePlan, WriteStatements } from "./plan.ts";
import { withRefusedColumns } from "./refused-column.ts";
import {
  errorOfTarget,
  type PartAnswer,
  type PassedRows,
  passedBy,
  type RowMemory,
  type RowSender,
  sendRows,
  stale,
} from "./send-rows.ts";
import { partsOf, statementsFor } from "./statement-sets.ts";
import type { WriteAnswer } from "./statements.ts";
import { type SharedWrite, writeNothingShared, writeShared } from "./write-shared.ts";

/** What a call of `write` or `dryRun` needs. */
export interface BatchCall {
  readonly session: Session;
  readonly settings: PostgresSettings;
  readonly plans: Plans;
  readonly memory: RowMemory;
  readonly signal: AbortSignal;
  /** The rows that passed before in this call, if these deliveries are the rest of a batch. */
  readonly passed?: PassedRows;
}

/** Writes or checks a batch on one connection. After an abort, entries not yet sent fail with DEADLINE_EXCEEDED. */
export type HandleBatch = (
  call: BatchCall,
  batch: readonly UpsertDelivery<unknown>[],
) => Promise<readonly WriteResult[]>;

const keyLiterals = (sink: string, { keys }: WritePlan, entries: readonly RowEntry[]): string[] =>
  literals(sink, { columns: keys }, entries);

const sendStatement = async (
  { session, settings }: BatchCall,
  { children }: WritePlan,
  statements: WriteStatements,
  entries: readonly RowEntry[],
  { hasRemovals, isLast }: { readonly hasRemovals: boolean; readonly isLast: boolean },
): Promise<WriteAnswer> => {
  const parameters = [...literals(settings.name, statements, entries), versions(entries)];
  if (hasRemovals) parameters.push(removalFlags(entries));
  if (children.length > 0) parameters.push(...childLiterals(settings.name, children, entries), String(isLast));
  const { rows } = await session.query(hasRemovals ? statements.upsertsAndRemovals : statements.upserts, parameters);
  return rows[0] as WriteAnswer;
};

/** Splits off the removals that need no tombstone. This costs a query only if the batch has such removals. */
const withoutAbsent = ({ session, settings }: BatchCall, plan: WritePlan, part: readonly RowEntry[]) =>
  splitAbsent(part, async (entries) => {
    const { rows } = await session.query(plan.present, keyLiterals(settings.name, plan, entries));
    return (rows[0] as { readonly present: string | null }).present;
  });

/**
 * Writes the entries. In the rare case that a removal deleted no row, `deleteRemoved` looks for the row again. With children a
 * removal that wins has seen its row, and a statement that missed a surplus row has written nothing.
 */
const writePart = async (
  call: BatchCall,
  plan: WritePlan,
  part: readonly RowEntry[],
  counts: Overtakings,
): Promise<PartAnswer> => {
  const { session, settings } = call;
  const { entries: needed, results: absent } = await withoutAbsent(call, plan, part);
  if (needed.length === 0) return { results: absent };
  const { entries, results } = sortByRow(needed);
  const removals = entries.filter(isRemoval);
  const how = { hasRemovals: removals.length > 0, isLast: isLastAttempt(entries, counts) };
  const answer = await orSinkError(sendStatement(call, plan, statementsFor(plan, part, false), entries, how));
  if (answer instanceof SinkError) {
    if (!missedSurplus(answer)) throw answer;
    countAttempt(entries, counts);
    return { results: absent, left: needed };
  }
  if (!answer.current) return stale;
  const mayMissRows = settings.relations.guard === "version-table" && plan.children.length === 0;
  if (mayMissRows && Number(answer.gone) < removals.length) {
    await session.query(plan.deleteRemoved, [...keyLiterals(settings.name, plan, removals), versions(removals)]);
  }
  const settled = settle(settings.name, entries, answer, counts);
  return { results: [...absent, ...results, ...settled.results], left: settled.left };
};

const writeNothing = async (
  call: BatchCall,
  plan: WritePlan,
  part: readonly RowEntry[],
): Promise<typeof stale | undefined> => {
  const how = { hasRemovals: part.some(isRemoval), isLast: true };
  const answer = await sendStatement(call, plan, statementsFor(plan, part, false), [], how);
  return answer.current ? undefined : stale;
};

/** How the parts of a batch are written, or read. */
export interface PartWriter {
  readonly write: (part: readonly RowEntry[]) => Promise<PartAnswer>;
  /** Sends the statements of a part without rows. */
  readonly writeNothing: (part: readonly RowEntry[]) => Promise<typeof stale | undefined>;
}

const sharedWriteOf = ({ session, settings }: BatchCall, plan: WritePlan) => {
  const { deleteRemoved, shared } = plan;
  const context = { session, sink: settings.name, plan: shared, deleteRemoved, contested: new WeakSet<RowEntry>() };
  return (part: readonly RowEntry[]): SharedWrite => ({ ...context, statements: statementsFor(plan, part, true) });
};

/** @throws {SinkError} SINK_MISSING when the items may have the same rows, but the target has no place for owners. */
const writerOf = (call: BatchCall, plan: WritePlan, entries: readonly RowEntry[]): PartWriter => {
  if (!plan.shared.isNeeded(entries)) {
    const counts: Overtakings = new Map();
    return {
      write: (part) => writePart(call, plan, part, counts),
      writeNothing: (part) => writeNothing(call, plan, part),
    };
  }
  const sharedWrite = sharedWriteOf(call, plan);
  return {
    write: (part) => writeShared(sharedWrite(part), part),
    writeNothing: (part) => writeNothingShared(sharedWrite(part), part),
  };
};

/** The error of a target that refuses a statement without rows. Such an error never rejects a delivery. */
const faultOf = ({ settings }: BatchCall, error: SinkError): SinkError =>
  outcomeOf(error.code) === "retry"
    ? error
    : new SinkError("SINK_UNAVAILABLE", `[${settings.name}] even without rows: ${error.message}`, {
        cause: error.cause,
      });

/** Reads the catalogue if a name may be missing. Then sends the statement of the part without rows. */
const checkTarget =
  (call: BatchCall, plan: WritePlan, writer: PartWriter): RowSender["checkTarget"] =>
  async (refused, part) => {
    if (refused.code === "SINK_MISSING") {
      const found = await orSinkError(call.plans.renew(call.session));
      if (found instanceof SinkError) return found;
      if (found !== plan) return stale;
    }
    const answer = await orSinkError(writer.writeNothing(part));
    return answer instanceof SinkError ? faultOf(call, answer) : answer;
  };

/** If other rows show that the mapper names existing columns only, the row that names a missing column is at fault. */
const judgeName = ({ settings }: BatchCall, { names }: WritePlan, result: WriteResult): WriteResult => {
  if (result.outcome !== "failed" || result.error.code !== "SINK_MISSING" || !names.hasGoodRow()) return result;
  return failed(result.delivery, rejected(settings.name, result.error.message.replace(/^\[.*?\] /, "")));
};

const isAboutColumns = (result: WriteResult): boolean =>
  result.outcome === "failed" && result.error instanceof SinkError;

/** Which encoder of the plan a call uses. */
type EncoderName = "encode" | "encodeKey";

const encodeWith = (
  call: BatchCall,
  plan: WritePlan,
  batch: readonly UpsertDelivery<unknown>[],
  encoder: EncoderName,
): EncodedBatch<RowEntry> => {
  const { entries, results } = encodeEach(batch, plan[encoder]);
  const foreign = new Set(entries.filter((entry) => isForeign(plan.keys, entry)));
  return {
    entries: foreign.size === 0 ? entries : entries.filter((entry) => !foreign.has(entry)),
    results: [
      ...results.map((result) => judgeName(call, plan, result)),
      ...[...foreign].map(({ delivery }) => superseded(delivery)),
    ],
  };
};

/** Encodes the batch. If a row does not fit the columns, reads the catalogue first: they may have changed. */
const encodeRows = async (
  call: BatchCall,
  batch: readonly UpsertDelivery<unknown>[],
  encoder: EncoderName,
  isFresh: boolean,
) => {
  const plan = await call.plans.current(call.session);
  if (call.passed === undefined) plan.names.startBatch();
  const first = encodeWith(call, plan, batch, encoder);
  const renewed = isFresh || !first.results.some(isAboutColumns) ? plan : await call.plans.renew(call.session);
  return { plan: renewed, ...(renewed === plan ? first : encodeWith(call, renewed, batch, encoder)) };
};

/** Columns may change during a write, but not again and again. */
const maxAttempts = 3;

const columnsKeepChanging = (sink: string): SinkError =>
  new SinkError("SINK_CONFLICT", `[${sink}] the table's columns changed ${maxAttempts} times during the write`);

/** Chooses how to send the parts of a batch. @throws {SinkError} when the target has not what this needs. */
export type ChooseWriter = (call: BatchCall, plan: WritePlan, entries: readonly RowEntry[]) => PartWriter;

/**
 * Encodes a batch, sends its parts, and returns the result of each delivery. If Postgres refuses a part, finds the row at
 * fault. If the columns have changed, starts again with the deliveries that have no result.
 */
export const sendBatch = async (
  call: BatchCall,
  batch: readonly UpsertDelivery<unknown>[],
  choose: ChooseWriter,
  encoder: EncoderName = "encode",
): Promise<readonly WriteResult[]> => {
  const { settings, signal, memory, passed } = call;
  const results: WriteResult[] = [];
  let left = batch;
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const { plan, entries, results: unencoded } = await encodeRows(call, left, encoder, attempt > 1);
    const writer = choose(call, plan, entries);
    const sent = await sendRows(partsOf(plan, entries), {
      sink: settings.name,
      signal,
      memory,
      passed,
      send: writer.write,
      checkTarget: checkTarget(call, plan, writer),
    });
    results.push(
      ...(await withRefusedColumns({ session: call.session, sink: settings.name }, plan, entries, sent.results)),
    );
    if (!sent.isStale) {
      const all = [...results, ...unencoded];
      const error = errorOfTarget(all);
      if (error !== undefined) throw error;
      return all;
    }
    if ((await call.plans.current(call.session)) === plan) await call.plans.renew(call.session);
    left = withoutResult(left, sent.results);
  }
  return [...results, ...left.map((delivery) => failed(delivery, columnsKeepChanging(settings.name)))];
};

/** What one attempt has settled. A delivery without a result is not written. */
export interface TriedBatch {
  readonly results: readonly WriteResult[];
  /** The error with which Postgres refused a statement. */
  readonly error?: SinkError;
}

/** Sends the parts of a batch once. Rejects no row, and writes no row that other items may share. */
export const tryBatch = async (
  call: BatchCall,
  plan: WritePlan,
  batch: readonly UpsertDelivery<unknown>[],
): Promise<TriedBatch> => {
  const { entries, results: unencoded } = encodeWith(call, plan, batch, "encode");
  const results = unencoded.filter(({ outcome }) => outcome !== "failed");
  if (plan.shared.isNeeded(entries)) return { results };
  const { write } = writerOf(call, plan, entries);
  for (const part of partsOf(plan, entries)) {
    const sent = await orSinkError(write(part));
    if (sent instanceof SinkError) return { results, error: sent };
    if (sent === stale) break;
    results.push(...sent.results);
    if (passedBy(sent.results).upsert) call.memory.takesRows = true;
  }
  return { results };
};

/** Writes a batch, and returns the result of each delivery. */
export const writeBatch: HandleBatch = (call, batch) => sendBatch(call, batch, writerOf);

/**
 * Makes a write in a transaction that is rolled back, so that constraints, triggers and grants answer. What cannot be
 * rolled back stays: sequences advance, and a trigger may have called another server.
 */
export const dryRunBatch: HandleBatch = (call, batch) =>
  rolledBack(call.session, (session) => writeBatch({ ...call, session, memory: { ...call.memory } }, batch));
