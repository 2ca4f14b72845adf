// Writes a batch on one connection: encodes the rows, sends the SQL statements, and reads the answers.

import {
  type DeliveryError,
  type EncodedBatch,
  encodeEach,
  failed,
  isTargetWide,
  orSinkError,
  outcomeOf,
  rejected,
  SinkError,
  sendInParts,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { RowEntry } from "../encode.ts";
import type { PostgresSettings } from "../options.ts";
import { halvesByAge, resultsOf, sortByRow } from "./batch.ts";
import { arrayLiteral, type Cell, ColumnValueError, numericLiteral } from "./codec.ts";
import type { Plans, WritePlan, WriteStatements } from "./plan.ts";
import { errorOfTarget, type PartAnswer, type RowMemory, type RowSender, sendRows, stale } from "./send-rows.ts";
import type { WriteAnswer } from "./statements.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** What a call of `write` or `dryRun` needs. */
export interface BatchCall {
  readonly session: Session;
  readonly settings: PostgresSettings;
  readonly plans: Plans;
  readonly memory: RowMemory;
  readonly signal: AbortSignal;
}

/** Writes or checks a batch on one connection. After an abort, entries not yet sent fail with DEADLINE_EXCEEDED. */
export type HandleBatch = (
  call: BatchCall,
  batch: readonly UpsertDelivery<unknown>[],
) => Promise<readonly WriteResult[]>;

const literal = (sink: string, { name, codec }: WrittenColumn, cells: readonly Cell[]): string => {
  try {
    return codec === "other" ? numericLiteral(cells) : arrayLiteral(cells);
  } catch (error) {
    if (!(error instanceof ColumnValueError)) throw error;
    throw rejected(sink, `column "${name}": ${error.message}`);
  }
};

const isRemoval = ({ delivery }: RowEntry): boolean => delivery.message === undefined;

/** Returns one array literal for each column, as parameters. `positions` has the position of each column's cells. */
const literals = (
  sink: string,
  { columns, positions }: Pick<WriteStatements, "columns" | "positions">,
  entries: readonly RowEntry[],
): string[] =>
  columns.map((column, index) =>
    literal(
      sink,
      column,
      entries.map(({ cells }) => cells[positions[index] ?? index] ?? null),
    ),
  );

const keyLiterals = (sink: string, { keys }: WritePlan, entries: readonly RowEntry[]): string[] =>
  literals(sink, { columns: keys, positions: [...keys.keys()] }, entries);

/** Returns the versions as one text, separated by commas. No version contains a comma. */
const versions = (entries: readonly RowEntry[]): string =>
  entries.map(({ delivery }) => delivery.change.version).join(",");

/** The positions of the columns that the row must set to NULL although no row has named them. */
const alsoWritten = ({ names }: WritePlan, { delivery }: RowEntry): readonly number[] =>
  delivery.message === undefined
    ? []
    : [delivery.change, ...delivery.earlier].flatMap(({ record }) => names.removed(record.dynamodb ?? {}));

/** Returns the statements for the entries of a part, which all write the same columns. */
const statementsFor = (plan: WritePlan, [first]: readonly RowEntry[]): WriteStatements =>
  plan.statements(first === undefined ? [] : alsoWritten(plan, first));

/** One part: most batches have one. Rows that set other columns to NULL are in parts of their own. */
const partsOf = (plan: WritePlan, entries: readonly RowEntry[]): (readonly RowEntry[])[] => {
  if (!plan.names.hasUnnamed()) return entries.length === 0 ? [] : [entries];
  const parts = new Map<string, RowEntry[]>();
  for (const entry of entries) {
    const set = alsoWritten(plan, entry).join(",");
    const part = parts.get(set) ?? [];
    part.push(entry);
    parts.set(set, part);
  }
  return [...parts.values()];
};

const sendStatement = async (
  { session, settings }: BatchCall,
  statements: WriteStatements,
  entries: readonly RowEntry[],
  hasRemovals: boolean,
): Promise<WriteAnswer> => {
  const parameters = [...literals(settings.name, statements, entries), versions(entries)];
  if (hasRemovals) parameters.push(arrayLiteral(entries.map((entry) => String(isRemoval(entry)))));
  const { rows } = await session.query(hasRemovals ? statements.upsertsAndRemovals : statements.upserts, parameters);
  return rows[0] as WriteAnswer;
};

/** Writes the entries. In the rare case that a removal deleted no row, `deleteRemoved` looks for the row again. */
const writePart = async (call: BatchCall, plan: WritePlan, part: readonly RowEntry[]): Promise<PartAnswer> => {
  const { session, settings } = call;
  const { entries, results } = sortByRow(part);
  const removals = entries.filter(isRemoval);
  const answer = await sendStatement(call, statementsFor(plan, part), entries, removals.length > 0);
  if (!answer.current) return stale;
  if (settings.relations.guard === "version-table" && Number(answer.gone) < removals.length) {
    await session.query(plan.deleteRemoved, [...keyLiterals(settings.name, plan, removals), versions(removals)]);
  }
  return [...results, ...resultsOf(entries, answer.lost)];
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
  (call: BatchCall, plan: WritePlan): RowSender["checkTarget"] =>
  async (refused, part) => {
    if (refused.code === "SINK_MISSING") {
      const found = await orSinkError(call.plans.renew(call.session));
      if (found instanceof SinkError) return found;
      if (found !== plan) return stale;
    }
    const answer = await orSinkError(sendStatement(call, statementsFor(plan, part), [], part.some(isRemoval)));
    if (answer instanceof SinkError) return faultOf(call, answer);
    return answer.current ? undefined : stale;
  };

/** If other rows show that the mapper names existing columns only, the row that names a missing column is at fault. */
const judgeName = ({ settings }: BatchCall, { names }: WritePlan, result: WriteResult): WriteResult => {
  if (result.outcome !== "failed" || result.error.code !== "SINK_MISSING" || !names.hasGoodRow()) return result;
  return failed(result.delivery, rejected(settings.name, result.error.message.replace(/^\[.*?\] /, "")));
};

const isAboutColumns = (result: WriteResult): boolean =>
  result.outcome === "failed" && result.error instanceof SinkError;

const encodeWith = (
  call: BatchCall,
  plan: WritePlan,
  batch: readonly UpsertDelivery<unknown>[],
): EncodedBatch<RowEntry> => {
  plan.names.startBatch();
  const { entries, results } = encodeEach(batch, plan.encode);
  return { entries, results: results.map((result) => judgeName(call, plan, result)) };
};

/** Encodes the batch. If a row does not fit the columns, reads the catalogue first: they may have changed. */
const encodeRows = async (call: BatchCall, batch: readonly UpsertDelivery<unknown>[], isFresh: boolean) => {
  const plan = await call.plans.current(call.session);
  const first = encodeWith(call, plan, batch);
  const renewed = isFresh || !first.results.some(isAboutColumns) ? plan : await call.plans.renew(call.session);
  return { plan: renewed, ...(renewed === plan ? first : encodeWith(call, renewed, batch)) };
};

/** Columns may change during a write, but not again and again. */
const maxAttempts = 3;

const columnsKeepChanging = (sink: string): SinkError =>
  new SinkError("SINK_CONFLICT", `[${sink}] the table's columns changed ${maxAttempts} times during the write`);

/** Writes a batch, and returns the result of each delivery. */
export const writeBatch: HandleBatch = async (call, batch) => {
  const { settings, signal, memory } = call;
  const results: WriteResult[] = [];
  let left = batch;
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const { plan, entries, results: unencoded } = await encodeRows(call, left, attempt > 1);
    const sent = await sendRows(partsOf(plan, entries), {
      sink: settings.name,
      signal,
      memory,
      send: (part) => writePart(call, plan, part),
      checkTarget: checkTarget(call, plan),
    });
    results.push(...sent.results);
    if (!sent.isStale) {
      const all = [...results, ...unencoded];
      const error = errorOfTarget(all);
      if (error !== undefined) throw error;
      return all;
    }
    if ((await call.plans.current(call.session)) === plan) await call.plans.renew(call.session);
    const settled = new Set<unknown>(sent.results.map(({ delivery }) => delivery));
    left = left.filter((delivery) => !settled.has(delivery));
  }
  return [...results, ...left.map((delivery) => failed(delivery, columnsKeepChanging(settings.name)))];
};

/** Compares the entries' versions with the stored versions. Writes nothing. */
const dryRunPart = async (
  { session, settings }: BatchCall,
  plan: WritePlan,
  part: readonly RowEntry[],
): Promise<readonly WriteResult[]> => {
  const { entries, results } = sortByRow(part);
  const { rows } = await session.query(plan.dryRun, [...keyLiterals(settings.name, plan, entries), versions(entries)]);
  return [...results, ...resultsOf(entries, (rows[0] as Pick<WriteAnswer, "lost">).lost)];
};

/** Whether the error affects the whole table. If so, `dryRunBatch` throws it. A timeout affects only this batch. */
const isUnusable = (error: DeliveryError): boolean =>
  error instanceof SinkError && isTargetWide(error.code) && error.code !== "SINK_TIMEOUT";

/** Predicts a write's results. Does not predict refusals: a bad row with a new version counts as delivered. */
export const dryRunBatch: HandleBatch = async (call, batch) => {
  const { plan, entries, results } = await encodeRows(call, batch, false);
  const send = (part: readonly RowEntry[]) => dryRunPart(call, plan, part);
  const parts = entries.length === 0 ? [] : [entries];
  const sent = await sendInParts(parts, { sink: call.settings.name, signal: call.signal, send, split: halvesByAge });
  const [first] = sent;
  if (first?.outcome === "failed" && isUnusable(first.error)) throw first.error;
  return [...results, ...sent];
};
