// Finds the column whose value Postgres refuses. The error of a bad value does not name the column.

import { failed, orSinkError, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { isAboutSomeValue } from "../classify.ts";
import type { Session } from "../client/session.ts";
import type { RowEntry } from "../encode.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Each refused row costs a query for each of its values. */
const mostRows = 16;

/** Casts each value of a row to the type of its column, until Postgres refuses a cast. */
const refusedColumn = async (
  session: Session,
  columns: readonly WrittenColumn[],
  { cells }: RowEntry,
): Promise<WrittenColumn | undefined> => {
  for (const [index, column] of columns.entries()) {
    const cell = cells[index];
    if (cell === undefined || cell === null) continue;
    const cast = await orSinkError(session.query(`SELECT $1::text::${column.fullType} IS NULL`, [cell]));
    if (cast instanceof SinkError) return isAboutSomeValue(cast) ? column : undefined;
  }
  return undefined;
};

/** Returns the results, in which the errors of bad values name the column and its type. */
export const withRefusedColumns = async (
  session: Session,
  columns: readonly WrittenColumn[],
  entries: readonly RowEntry[],
  results: readonly WriteResult[],
): Promise<readonly WriteResult[]> => {
  const named: WriteResult[] = [];
  let rows = 0;
  for (const result of results) {
    const error = result.outcome === "failed" && result.error instanceof SinkError ? result.error : undefined;
    const entry = error && isAboutSomeValue(error) && entries.find(({ delivery }) => delivery === result.delivery);
    if (error === undefined || !entry || rows >= mostRows) {
      named.push(result);
      continue;
    }
    rows += 1;
    const column = await refusedColumn(session, columns, entry);
    const { code, message, cause } = error;
    const place = column && `$&, column "${column.name.replaceAll("$", "$$$$")}" (${column.fullType})`;
    const found = place && message.replace(/SQLSTATE \w{5}/, place);
    named.push(found === undefined ? result : failed(result.delivery, new SinkError(code, found, { cause })));
  }
  return named;
};
