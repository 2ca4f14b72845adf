// Computes the rows of child tables as a write would store them: the columns whose texts are certain here, and the others by a
// statement for each child table.

import { type CopyContent, failed, rejected, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import type { ChildPlan } from "../write/child-plan.ts";
import type { Cell } from "../write/codec.ts";
import { literals } from "../write/parameters.ts";
import type { WritePlan } from "../write/plan.ts";
import { stale } from "../write/send-rows.ts";
import type { BatchCall } from "../write/write-batch.ts";
import { addChild, type ChildTexts } from "./child-text.ts";
import { type CanonicalRow, canonicalStatement } from "./read-statements.ts";
import { storedTextOf } from "./stored-text.ts";
import { rowsByPosition } from "./text-rows.ts";

/** A child's row with the entry to which it belongs. */
interface OwnedCells {
  readonly entry: RowEntry;
  readonly cells: readonly Cell[];
}

/** The texts of a column, one for each row. Undefined if one is not certain, so that Postgres is asked for all. */
type ColumnTexts = readonly (string | null)[] | undefined;

const certainTexts = (plan: WritePlan, { keys, columns }: ChildPlan, rows: readonly OwnedCells[]): ColumnTexts[] =>
  [...keys, ...columns].map((column, position) => {
    const stored = plan.isUtf8 ? storedTextOf(column) : undefined;
    if (stored === undefined) return undefined;
    const texts: (string | null)[] = [];
    for (const { cells } of rows) {
      const cell = cells[position] ?? null;
      const text = cell === null ? null : stored(cell);
      if (text === undefined) return undefined;
      texts.push(text);
    }
    return texts;
  });

/** The rows of a child, and the first column of an entry that cannot hold a value. */
interface Computed {
  readonly texts: ReadonlyMap<RowEntry, readonly ChildTexts[]>;
  readonly tooLong: ReadonlyMap<RowEntry, string>;
}

const compute = async (
  { session, settings }: BatchCall,
  plan: WritePlan,
  child: ChildPlan,
  rows: readonly OwnedCells[],
): Promise<Computed | typeof stale> => {
  const columns = [...child.keys, ...child.columns];
  const certain = certainTexts(plan, child, rows);
  const positions = [...columns.keys()].filter((index) => certain[index] === undefined);
  const asked = columns.filter((_, index) => certain[index] === undefined);
  const relations = { ...settings.relations, rows: child.settings.relation };
  const statement = canonicalStatement({ relations, columns, asked });
  const parameters = literals(settings.name, { columns: asked, positions }, rows);
  const answer = rowsByPosition<CanonicalRow>(await session.query(statement, parameters), rows.length);
  if (answer === stale) return stale;
  const texts = new Map<RowEntry, ChildTexts[]>();
  const tooLong = new Map<RowEntry, string>();
  const places = columns.map((_, index) => positions.indexOf(index));
  for (const [index, { entry }] of rows.entries()) {
    const row = answer[index + 1];
    if (row?.tooLong != null) tooLong.set(entry, row.tooLong);
    const found = columns.map((_, column) => certain[column]?.[index] ?? row?.[`v${places[column] ?? 0}`] ?? null);
    const own = texts.get(entry) ?? [];
    own.push(found.slice(plan.keys.length));
    texts.set(entry, own);
  }
  return { texts, tooLong };
};

const tooLongResult = ({ settings }: BatchCall, { settings: child }: ChildPlan, entry: RowEntry, column: string) =>
  failed(
    entry.delivery,
    rejected(
      settings.name,
      `child table ${child.relation}: column "${column}": the value is too long for the column's type`,
    ),
  );

/** Adds the rows of the children to the contents. Returns the results of entries that a write would reject, or `stale`. */
export const addChildren = async (
  call: BatchCall,
  plan: WritePlan,
  part: readonly RowEntry[],
  contents: ReadonlyMap<unknown, CopyContent>,
): Promise<readonly WriteResult[] | typeof stale> => {
  const { childReads: reads } = plan;
  const isJson = new Map(part.map((entry) => [entry, reads.isJson(entry.delivery.message)]));
  const rejects = new Map<RowEntry, WriteResult>();
  for (const [index, child] of reads.children.entries()) {
    const rows = part.flatMap((entry) => (entry.children?.[index] ?? []).map((cells) => ({ entry, cells })));
    const computed = await compute(call, plan, child, rows);
    if (computed === stale) return stale;
    for (const [entry, column] of computed.tooLong) {
      if (!rejects.has(entry)) rejects.set(entry, tooLongResult(call, child, entry, column));
    }
    for (const [entry, texts] of computed.texts) {
      const content = contents.get(entry.delivery) as Record<string, string> | undefined;
      if (content !== undefined) addChild(content, reads, index, texts, isJson.get(entry) ?? (() => false));
    }
  }
  return [...rejects.values()];
};
