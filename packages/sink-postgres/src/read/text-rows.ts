// Reads the rows of the statements that check the table's columns.

import type { PostgresResult } from "../client/pool.ts";
import { stale } from "../write/send-rows.ts";
import type { CheckedRow } from "./read-statements.ts";

/** Returns the rows by one-based position, undefined where there are none; or `stale` if the columns have changed. */
export const rowsByPosition = <Row extends CheckedRow>(
  { rows }: PostgresResult,
  count: number,
): readonly (Row | undefined)[] | typeof stale => {
  const answered = rows as readonly Row[];
  if (answered[0]?.current !== true) return stale;
  const found = new Array<Row | undefined>(count + 1).fill(undefined);
  for (const row of answered) if (row.position !== null) found[Number(row.position)] = row;
  return found;
};
