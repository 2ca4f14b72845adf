// Computes what a write would store: the cells whose text is certain here, and the others by a statement.

import { type CopyContent, delivered, failed, rejected, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import { literals } from "../write/parameters.ts";
import type { WritePlan, WriteStatements } from "../write/plan.ts";
import { stale } from "../write/send-rows.ts";
import type { BatchCall } from "../write/write-batch.ts";
import { addMember, comparedText, type TextRow } from "./cell-text.ts";
import { type CanonicalRow, canonicalStatement } from "./read-statements.ts";
import { type StoredText, storedTextOf } from "./stored-text.ts";
import { rowsByPosition } from "./text-rows.ts";

/** How to compute the content of some columns. */
interface Recipe {
  readonly statements: WriteStatements;
  /** Computes the text of a column's cell; undefined for a column that is asked. */
  readonly stored: readonly (StoredText | undefined)[];
  /** The columns that are asked, their cells' positions in an entry, and for each column its place among them. */
  readonly asked: Pick<WriteStatements, "columns" | "positions">;
  readonly places: readonly number[];
  readonly text: string;
}

const recipeOf = (
  { settings }: BatchCall,
  statements: WriteStatements,
  stored: readonly (StoredText | undefined)[],
): Recipe => {
  const { columns, positions } = statements;
  const indexes = [...columns.keys()].filter((index) => stored[index] === undefined);
  const asked = {
    columns: columns.filter((_, index) => stored[index] === undefined),
    positions: positions.filter((_, index) => stored[index] === undefined),
  };
  const text = canonicalStatement({ relations: settings.relations, columns, asked: asked.columns });
  return { statements, stored, asked, places: [...columns.keys()].map((index) => indexes.indexOf(index)), text };
};

/** The recipes for rows whose cells are certain, and for all other rows. */
interface Recipes {
  readonly certain: Recipe;
  readonly others: Recipe;
}

const known = new WeakMap<WriteStatements, Recipes>();

const recipesOf = (call: BatchCall, plan: WritePlan, statements: WriteStatements): Recipes => {
  const found = known.get(statements);
  if (found !== undefined) return found;
  const { columns } = statements;
  const stored = columns.map((column) => (plan.isUtf8 ? storedTextOf(column) : undefined));
  const created = {
    certain: recipeOf(call, statements, stored),
    others: recipeOf(
      call,
      statements,
      columns.map(() => undefined),
    ),
  };
  known.set(statements, created);
  return created;
};

/** Returns the texts of the cells that are certain; undefined if a text is not. A cell that is asked has `null`. */
const certainTexts = ({ stored, statements }: Recipe, { cells }: RowEntry): (string | null)[] | undefined => {
  const texts: (string | null)[] = [];
  for (const [index, position] of statements.positions.entries()) {
    const cell = cells[position] ?? null;
    const text = cell === null ? null : stored[index]?.(cell);
    if (text === undefined && stored[index] !== undefined) return undefined;
    texts.push(text ?? null);
  }
  return texts;
};

/** An entry, and the texts of its cells that are certain. */
interface Computed {
  readonly entry: RowEntry;
  readonly texts: readonly (string | null)[];
}

const contentFor = (
  plan: WritePlan,
  { statements: { columns, positions }, places }: Recipe,
  { entry, texts }: Computed,
  row: TextRow | undefined,
): CopyContent => {
  const content: Record<string, string> = {};
  const { message } = entry.delivery;
  for (const [index, { name, baseType }] of columns.entries()) {
    const place = places[index] ?? -1;
    const text = place < 0 ? texts[index] : row?.[`v${place}`];
    if (text === null || text === undefined) continue;
    const isJson = (): boolean => plan.isJson(message, positions[index] ?? index);
    addMember(content, name, comparedText(baseType, text, isJson));
  }
  return content;
};

/** Asks for the cells that are not certain, checks the table, and adds the contents. */
const addContents = async (
  call: BatchCall,
  plan: WritePlan,
  recipe: Recipe,
  part: readonly Computed[],
  contents: Map<unknown, CopyContent>,
): Promise<readonly WriteResult[] | typeof stale> => {
  const { settings, session } = call;
  const entries = part.map(({ entry }) => entry);
  const answer = await session.query(recipe.text, literals(settings.name, recipe.asked, entries));
  const rows = rowsByPosition<CanonicalRow>(answer, part.length);
  if (rows === stale) return stale;
  return part.map((computed, index): WriteResult => {
    const { delivery } = computed.entry;
    const row = rows[index + 1];
    const tooLong = row?.tooLong ?? null;
    if (tooLong !== null) {
      const problem = `column "${tooLong}": the value is too long for the column's type`;
      return failed(delivery, rejected(settings.name, problem));
    }
    contents.set(delivery, contentFor(plan, recipe, computed, row));
    return delivered(delivery);
  });
};

/** Computes the contents of entries of one set of columns into `contents`. Returns the results, or `stale`. */
export const computeContents = async (
  call: BatchCall,
  plan: WritePlan,
  statements: WriteStatements,
  part: readonly RowEntry[],
  contents: Map<unknown, CopyContent>,
): Promise<readonly WriteResult[] | typeof stale> => {
  const { certain, others } = recipesOf(call, plan, statements);
  const computed: Computed[] = [];
  const rest: Computed[] = [];
  for (const entry of part) {
    const texts = certainTexts(certain, entry);
    if (texts === undefined) rest.push({ entry, texts: [] });
    else computed.push({ entry, texts });
  }
  const results: WriteResult[] = [];
  // A part without entries asks whether Postgres takes the statement at all.
  if (rest.length > 0 || part.length === 0) {
    const answered = await addContents(call, plan, others, rest, contents);
    if (answered === stale) return stale;
    results.push(...answered);
  }
  if (computed.length > 0) {
    const answered = await addContents(call, plan, certain, computed, contents);
    if (answered === stale) return stale;
    results.push(...answered);
  }
  return results;
};
