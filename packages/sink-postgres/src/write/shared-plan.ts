// The SQL statements and columns for rows that several items may share, and the proof that decides whether they are used.

import { keySources, SinkError } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import type { PostgresSettings } from "../options.ts";
import type { Catalogue } from "../schema/catalogue.ts";
import { type KeyFacts, keyProblem, mappingText } from "../schema/key-columns.ts";
import { withComparison } from "./compared-column.ts";
import { compileProof, type KeyMapping } from "./key-proof.ts";
import {
  createSharedStatement,
  presentSharedStatement,
  readSharedStatement,
  strayStatement,
  swapSharedStatement,
} from "./shared-statements.ts";
import type { StatementShape } from "./statements.ts";
import type { WrittenColumn, WrittenColumns } from "./written-columns.ts";

/** The SQL statements for rows that several items may share. */
export interface SharedPlan {
  /**
   * Whether the items of these entries may have the same rows.
   * @throws {SinkError} SINK_MISSING when they may, but the target has no place for owners.
   */
  readonly isNeeded: (entries: readonly RowEntry[]) => boolean;
  /** Whether an earlier batch has shown that items may have the same rows. */
  readonly isKnownToBeNeeded: () => boolean;
  /** Whether an item can have left rows at other keys, because option `key` is a function. */
  readonly canStray: boolean;
  /** Whether the version table has the columns for owners. */
  readonly hasOwners: boolean;
  /** What the proof knows about the key. */
  readonly mapping: KeyMapping;
  readonly keys: readonly WrittenColumn[];
  /**
   * The key columns, then all other columns, also those that no row has named: if a row gets another owner, the
   * whole content of its owner is kept.
   */
  readonly columns: readonly WrittenColumn[];
  readonly read: string;
  readonly create: string;
  readonly swap: string;
  readonly present: string;
  readonly strays: string;
}

/** Statements for shared rows need the catalogue and the facts about the key of one moment. */
export interface SharedTable {
  readonly written: WrittenColumns;
  readonly catalogue: Catalogue;
  readonly facts: KeyFacts;
}

const missing = (sink: string, problem: string): SinkError => new SinkError("SINK_MISSING", `[${sink}] ${problem}`);

const sourcesOf = ({ key }: PostgresSettings, keys: readonly WrittenColumn[]) =>
  typeof key === "function" ? undefined : (keySources(key) ?? new Map(keys.map(({ name }) => [name, name])));

/** Refuses to write with another key mapping than the stored one: rows at keys of the other mapping would stay for ever. */
const checkMapping = ({ name, relations }: PostgresSettings, { mapping }: KeyFacts, expected: string): void => {
  if (mapping === undefined || mapping === expected) return;
  const wayOut = `empty ${relations.rows} and ${relations.versions} and call ensure(), or name another table`;
  throw missing(
    name,
    `${relations.rows} was written with the key mapping ${mapping}, and option "key" is now ${expected}; ${wayOut}, and replay the items`,
  );
};

/** Returns why the target has no place for owners; undefined if it has. */
const obstacleOf = ({ relations, children }: PostgresSettings, facts: KeyFacts): string | undefined => {
  if (children.length > 0)
    return 'with option "children" each item needs rows of its own; use key columns that compare as the attributes do';
  if (relations.guard === "inline")
    return 'guard "inline" cannot keep the rows of two items apart; use "version-table"';
  return facts.hasOwners ? undefined : `${relations.versions} has no columns for owners; ensure() adds them`;
};

/** Returns the columns with what their comparison needs, and the plan for rows that items may share. */
export const planSharing = (
  settings: PostgresSettings,
  { written, catalogue, facts }: SharedTable,
): { readonly columns: WrittenColumns; readonly shared: SharedPlan } => {
  const sources = sourcesOf(settings, written.keys);
  checkMapping(settings, facts, mappingText(sources));
  const problem = keyProblem(
    settings.relations,
    written.keys.map(({ name }) => name),
    facts,
  );
  if (problem !== undefined) throw missing(settings.name, problem);
  const compared = [...facts.rows, ...facts.versions];
  const keys = written.keys.map((key) => withComparison(key, compared));
  const columns = { ...written, keys };
  const mapping: KeyMapping = { sources, columns: compared };
  const problemOf = compileProof(mapping);
  const obstacle = obstacleOf(settings, facts);
  const shape: StatementShape = { ...columns, relations: settings.relations, unnamed: [], isShared: true };
  return {
    columns,
    shared: {
      isNeeded: (entries) => {
        const problem = problemOf(entries);
        if (problem === undefined) return false;
        if (obstacle === undefined) return true;
        throw missing(settings.name, `two items may have the same row, because ${problem}; ${obstacle}`);
      },
      isKnownToBeNeeded: () => problemOf([]) !== undefined,
      hasOwners: settings.relations.guard === "version-table" && facts.hasOwners,
      mapping,
      canStray: typeof settings.key === "function",
      keys,
      columns: [...keys, ...columns.columns],
      read: readSharedStatement(shape),
      create: createSharedStatement(shape),
      swap: swapSharedStatement(shape, catalogue.attributes),
      present: presentSharedStatement(shape),
      strays: strayStatement(shape),
    },
  };
};
