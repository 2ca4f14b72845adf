// The SQL statements and the encoder of a table. Created from the options and the table's catalogue, and created again
// when the table's columns have changed.

import { SinkError, type UpsertDelivery } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import { compileEncoders, compileIsJson, type RowEntry } from "../encode.ts";
import type { PostgresSettings } from "../options.ts";
import { type ChildReads, compileChildReads } from "../read/child-text.ts";
import { type Catalogue, readCatalogue } from "../schema/catalogue.ts";
import { type KeyFacts, readKeyFacts } from "../schema/key-columns.ts";
import { type ChildPlan, type ChildTable, planChildren, readChildTables } from "./child-plan.ts";
import { type FamilyShape, familyStatement } from "./child-statements.ts";
import { type RowNames, rowNames } from "./row-names.ts";
import { planSharing, type SharedPlan } from "./shared-plan.ts";
import { deleteRemovedStatement, presentStatement, writeStatement } from "./statements.ts";
import { type WrittenColumn, writtenColumns } from "./written-columns.ts";

/** The statements for one set of columns. */
export interface WriteStatements {
  /** The columns of the parameters. The key columns come first. */
  readonly columns: readonly WrittenColumn[];
  /** For each of `columns`, the position of its cell in a `RowEntry`. */
  readonly positions: readonly number[];
  readonly upserts: string;
  readonly upsertsAndRemovals: string;
}

/** Everything that a write needs to know about the table. */
export interface WritePlan {
  readonly keys: readonly WrittenColumn[];
  /** The key columns in the order of the index that finds a row. */
  readonly indexed: readonly WrittenColumn[];
  /** The columns of the cells of a `RowEntry`. */
  readonly cellColumns: readonly WrittenColumn[];
  /** The child tables, each parent before its children. */
  readonly children: readonly ChildPlan[];
  readonly encode: (delivery: UpsertDelivery<unknown>) => RowEntry;
  /** Encodes only the key, for a read. Notes the names of the message's columns, as `encode` does. */
  readonly encodeKey: (delivery: UpsertDelivery<unknown>) => RowEntry;
  /** Whether the message gives the column at this position of `cellColumns` a JSON array or object. */
  readonly isJson: (message: unknown, position: number) => boolean;
  /** How the rows of the children become part of a copy's content. */
  readonly childReads: ChildReads;
  readonly names: RowNames;
  /** Whether the database stores texts in UTF-8. */
  readonly isUtf8: boolean;
  /**
   * Returns the statements that write the columns named so far, and the columns with these positions. If rows can be
   * shared, the statements compare the owners.
   */
  readonly statements: (also: readonly number[], isShared: boolean) => WriteStatements;
  readonly deleteRemoved: string;
  readonly present: string;
  /** For batches whose items may have the same row. */
  readonly shared: SharedPlan;
  /** Names of the columns that rows have named. */
  readonly namedColumns: () => ReadonlySet<string>;
  /** The catalogue and the facts about the key as one text. Two plans with equal texts are equal. */
  readonly shape: string;
}

/** More sets of columns than this are not kept. Items decide about the sets, so their number has no other limit. */
const maxSets = 32;

/** The table as the catalogue describes it. */
interface Table {
  readonly catalogue: Catalogue;
  readonly facts: KeyFacts;
  readonly children: readonly ChildTable[];
  readonly shape: string;
}

const inIndexOrder = (keys: readonly WrittenColumn[], { uniqueKeys }: KeyFacts): readonly WrittenColumn[] => {
  const isOver = (names: readonly string[]): boolean =>
    names.length === keys.length && keys.every(({ name }) => names.includes(name));
  const index = uniqueKeys.rows.find(({ columns, use }) => use === "fits" && isOver(columns));
  return index?.columns.flatMap((name) => keys.filter((key) => key.name === name)) ?? keys;
};

/** The parts of a plan of which its statements are made. */
interface StatementParts {
  readonly relations: PostgresSettings["relations"];
  readonly keys: readonly WrittenColumn[];
  readonly columns: readonly WrittenColumn[];
  readonly children: readonly ChildPlan[];
  readonly names: RowNames;
}

/** Creates the function that returns the statements of a set of columns, and that keeps them. */
const statementsOf = ({ relations, keys, columns, children, names }: StatementParts): WritePlan["statements"] => {
  const sets = new Map<string, WriteStatements>();
  const textOf = (parts: Omit<FamilyShape, "children">, hasRemovals: boolean): string =>
    children.length === 0 ? writeStatement(parts, hasRemovals) : familyStatement({ ...parts, children }, hasRemovals);
  const create = (isWritten: (index: number) => boolean, isShared: boolean): WriteStatements => {
    const positions = [...columns.keys()].filter(isWritten);
    const chosen = columns.filter((_, index) => isWritten(index));
    const unnamed = columns.filter((_, index) => !isWritten(index));
    const parts = { relations, keys, columns: chosen, unnamed, isShared };
    return {
      columns: [...keys, ...chosen],
      positions: [...keys.keys(), ...positions.map((position) => position + keys.length)],
      upserts: textOf(parts, false),
      upsertsAndRemovals: textOf(parts, true),
    };
  };
  return (also, isShared) => {
    const isWritten = (index: number): boolean => names.isNamed(index) || also.includes(index);
    const set = (isShared ? "shared" : "") + columns.map((_, index) => (isWritten(index) ? "1" : "0")).join("");
    const known = sets.get(set);
    if (known !== undefined) return known;
    if (sets.size >= maxSets) sets.clear();
    const created = create(isWritten, isShared);
    sets.set(set, created);
    return created;
  };
};

const createPlan = (
  settings: PostgresSettings,
  { catalogue, facts, children: childTables, shape }: Table,
  named?: ReadonlySet<string>,
): WritePlan => {
  const { relations } = settings;
  const written = writtenColumns(settings, catalogue);
  const { columns: table, shared } = planSharing(settings, { written, catalogue, facts });
  const { keys, columns } = table;
  const children = planChildren(settings, keys, childTables);
  const names = rowNames(settings, table, named);
  const keysOnly = { relations, keys, columns: [], unnamed: [] };
  return Object.freeze({
    keys,
    indexed: inIndexOrder(keys, facts),
    cellColumns: [...keys, ...columns],
    children,
    ...compileEncoders(settings, table, names, children),
    isJson: compileIsJson(settings, table),
    childReads: compileChildReads(children, {
      keys: keys.length,
      columns: [...keys, ...columns],
      isDeclared: settings.declared !== undefined,
    }),
    names,
    isUtf8: catalogue.isUtf8,
    statements: statementsOf({ relations, keys, columns, children, names }),
    deleteRemoved: deleteRemovedStatement(keysOnly),
    present: presentStatement(keysOnly),
    shared,
    namedColumns: () => new Set(columns.filter((_, index) => names.isNamed(index)).map(({ name }) => name)),
    shape,
  });
};

/** Keeps the plan of a sink. */
export interface Plans {
  /** @throws {SinkError} SINK_MISSING when the table or a column is missing. */
  readonly current: (session: Session) => Promise<WritePlan>;
  /** Reads the catalogue again. Returns the same plan if the columns have not changed. @throws like `current`. */
  readonly renew: (session: Session) => Promise<WritePlan>;
  /** The plan, if there is one. */
  readonly known: () => WritePlan | undefined;
  /** Makes the next write read the catalogue. */
  readonly forget: () => void;
}

/** Creates the keeper of the sink's plan. The first write reads the catalogue. */
export const createPlans = (settings: PostgresSettings): Plans => {
  const { name, relations } = settings;
  let plan: WritePlan | undefined;
  let named: ReadonlySet<string> | undefined;
  const forget = (): void => {
    named = plan?.namedColumns() ?? named;
    plan = undefined;
  };
  const renew = async (session: Session): Promise<WritePlan> => {
    const catalogue = await readCatalogue(session, relations.rows, relations.versions);
    if (catalogue?.hasVersions !== true) {
      forget();
      const missing = catalogue === undefined ? relations.rows : relations.versions;
      const isYours = catalogue === undefined && settings.declared === undefined;
      const wayOut = isYours
        ? 'create it, or declare its columns in option "columns"; then call ensure()'
        : "ensure() creates it";
      throw new SinkError("SINK_MISSING", `[${name}] table ${missing} does not exist; ${wayOut}`);
    }
    const facts = await readKeyFacts(session, relations);
    const children = await readChildTables(session, settings, catalogue);
    const shape = JSON.stringify([catalogue.columns, facts, children]);
    if (plan?.shape === shape) return plan;
    forget();
    plan = createPlan(settings, { catalogue, facts, children, shape }, named);
    return plan;
  };
  return { current: async (session) => plan ?? renew(session), renew, known: () => plan, forget };
};
