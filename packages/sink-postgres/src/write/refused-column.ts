// Explains why Postgres refuses a row: the error of a bad value does not name the column, and that of two equal keys does not
// name the table.

import { failed, orSinkError, rejected, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { hasEqualKeys, isAboutSomeValue } from "../classify.ts";
import type { Session } from "../client/session.ts";
import type { RowEntry } from "../encode.ts";
import { arrayLiteral, type Cell } from "./codec.ts";
import type { WritePlan } from "./plan.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Each refused row costs a query for each of its columns. */
const mostRows = 16;

/** The cells of one column of an entry, with the place that an error names. */
interface ColumnCells {
  readonly column: WrittenColumn;
  readonly place: string;
  readonly cells: readonly Cell[];
}

const placeOf = ({ name, fullType }: WrittenColumn): string => `column "${name}" (${fullType})`;

/** The columns of the row, then those of its rows in child tables. */
function* columnsOf({ cellColumns, children }: WritePlan, entry: RowEntry): Generator<ColumnCells> {
  for (const [index, column] of cellColumns.entries()) {
    yield { column, place: placeOf(column), cells: [entry.cells[index] ?? null] };
  }
  for (const [child, { settings, keys, columns }] of children.entries()) {
    for (const [index, column] of [...keys, ...columns].entries()) {
      const cells = (entry.children?.[child] ?? []).map((row) => row[index] ?? null);
      yield { column, place: `table ${settings.relation}, ${placeOf(column)}`, cells };
    }
  }
}

/** Casts the values of each column to its type, until Postgres refuses a cast. Returns the place of the column. */
const refusedPlace = async (session: Session, plan: WritePlan, entry: RowEntry): Promise<string | undefined> => {
  for (const { column, place, cells } of columnsOf(plan, entry)) {
    const values = cells.filter((cell) => cell !== null);
    if (values.length === 0) continue;
    const text = `SELECT count(u.cell::${column.fullType}) FROM unnest($1::text[]) AS u(cell)`;
    const cast = await orSinkError(session.query(text, [arrayLiteral(values)]));
    if (cast instanceof SinkError) return isAboutSomeValue(cast) ? place : undefined;
  }
  return undefined;
};

/** The error of an item of which two elements have one key, though the texts of the keys differ. */
const equalKeys = (sink: string, { children }: WritePlan, { cause }: SinkError): SinkError => {
  const tables = children.filter(({ inexact }) => inexact.length > 0).map(({ settings }) => settings.relation);
  const found = `found two elements with keys that are equal to Postgres; expected a key for each element`;
  return rejected(sink, `child table ${tables.join(" or ")}: ${found}`, { cause });
};

/** Returns the results, in which the errors of bad values name the column and its type, and those of equal keys the table. */
export const withRefusedColumns = async (
  { session, sink }: { readonly session: Session; readonly sink: string },
  plan: WritePlan,
  entries: readonly RowEntry[],
  results: readonly WriteResult[],
): Promise<readonly WriteResult[]> => {
  const named: WriteResult[] = [];
  let rows = 0;
  for (const result of results) {
    const error = result.outcome === "failed" && result.error instanceof SinkError ? result.error : undefined;
    if (error !== undefined && hasEqualKeys(error) && plan.children.some(({ inexact }) => inexact.length > 0)) {
      named.push(failed(result.delivery, equalKeys(sink, plan, error)));
      continue;
    }
    const entry = error && isAboutSomeValue(error) && entries.find(({ delivery }) => delivery === result.delivery);
    if (error === undefined || !entry || rows >= mostRows) {
      named.push(result);
      continue;
    }
    rows += 1;
    const refused = await refusedPlace(session, plan, entry);
    const { code, message, cause } = error;
    const place = refused && `$&, ${refused.replaceAll("$", "$$$$")}`;
    const found = place && message.replace(/SQLSTATE \w{5}/, place);
    named.push(found === undefined ? result : failed(result.delivery, new SinkError(code, found, { cause })));
  }
  return named;
};
