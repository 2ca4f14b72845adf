// Which columns the rows of a mapper name. Without option `columns`, the sink leaves alone a column that no row has
// named, because another version of the function may fill this column.

import { type Image, SinkError } from "@sluice/core/sink-kit";
import type { PostgresSettings } from "../options.ts";
import { nameProblem, systemColumns } from "../schema/relations.ts";
import { ColumnValueError } from "./codec.ts";
import type { WrittenColumns } from "./written-columns.ts";

/** What a `RowNames` must know about the table. */
type NamedTable = Pick<WrittenColumns, "columns" | "existing" | "keys">;

/** Learns the columns that the rows name, and checks that each name can be written. */
export interface RowNames {
  /** Notes the names of a row. @throws when the row gives a value to a column that the sink does not write. */
  readonly check: (row: Readonly<Record<string, unknown>>) => void;
  /** Whether a row has named the column with this position among the columns that are not part of the key. */
  readonly isNamed: (index: number) => boolean;
  /** Whether there are columns that no row has named. */
  readonly hasUnnamed: () => boolean;
  /** Starts a batch: `hasGoodRow` is false until a row of this batch is good. */
  readonly startBatch: () => void;
  /** Whether a row of this batch names only columns that the sink writes, so that the code does not name others. */
  readonly hasGoodRow: () => boolean;
  /** The positions of columns that this change removed from the item, and that no row has named. */
  readonly removed: (images: { readonly OldImage?: Image; readonly NewImage?: Image }) => readonly number[];
}

/** Characters of a name that an error shows. */
const maxNameLength = 80;

/**
 * Throws the error for a value of a column that the sink does not write. Usually all rows name this column, and a
 * migration or a deployment helps. So the code makes the row wait, unless other rows show that it is an exception.
 */
const refuseName = ({ name: sink, listed, relations }: PostgresSettings, table: NamedTable, name: string): never => {
  const problemOfName = nameProblem(name) ?? (systemColumns.has(name) ? "is a column of every table" : undefined);
  // No migration can ever make such a column.
  if (problemOfName !== undefined) {
    const found = `the row names column ${JSON.stringify(name.slice(0, maxNameLength))}, which ${problemOfName}`;
    throw new ColumnValueError(found);
  }
  const subject = `the row names column "${name}", which`;
  if (listed !== undefined) throw new ColumnValueError(`${subject} is not in option "columns"`);
  const problem = table.existing.has(name)
    ? 'is generated, or has a default and is not in option "columns"'
    : `${relations.rows} does not have; add the column, or correct the mapper`;
  throw new SinkError("SINK_MISSING", `[${sink}] ${subject} ${problem}`);
};

/** Creates the names of a table's rows. `before` has the names that earlier rows of this environment have named. */
export const rowNames = (settings: PostgresSettings, table: NamedTable, before?: ReadonlySet<string>): RowNames => {
  const positions = new Map(table.columns.map(({ name }, index) => [name, index]));
  for (const { name } of table.keys) positions.set(name, -1);
  // A member that has the rows of a child table is not a column, unless the table has a column of this name.
  for (const {
    of: [name],
  } of settings.children)
    if (name !== undefined && !positions.has(name)) positions.set(name, -1);
  const areAllNamed = settings.listed !== undefined || settings.declared !== undefined;
  const named = table.columns.map(({ name }) => areAllNamed || before?.has(name) === true);
  let hasGoodRow = false;
  return {
    check: (row) => {
      let areKnown = true;
      for (const name of Object.keys(row)) {
        const position = positions.get(name);
        if (position !== undefined) named[position] = true;
        else if (row[name] !== undefined) refuseName(settings, table, name);
        else areKnown = false;
      }
      if (areKnown) hasGoodRow = true;
    },
    isNamed: (index) => named[index] === true,
    hasUnnamed: () => named.includes(false),
    startBatch: () => {
      hasGoodRow = false;
    },
    hasGoodRow: () => hasGoodRow,
    removed: ({ OldImage = {}, NewImage }) =>
      NewImage === undefined
        ? []
        : table.columns.flatMap(({ name }, index) =>
            named[index] !== true && Object.hasOwn(OldImage, name) && !Object.hasOwn(NewImage, name) ? [index] : [],
          ),
  };
};
