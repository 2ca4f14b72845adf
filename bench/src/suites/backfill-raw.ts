// The raw limit of a copy: a parallel scan, and one unguarded statement for each thousand items. A hand-written loop of
// scan and single upserts is the other extreme.

import { type DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { ScanClient } from "@sluice/backfill";
import { batched, filmColumns } from "../films.ts";
import type { SdkItem } from "../films-table.ts";
import {
  type Copier,
  type CopySetting,
  maxRows,
  type ScanAnswer,
  scanPage,
  segmentNumbers,
} from "./backfill-entrant.ts";
import { createTable } from "./postgres-entrant.ts";
import { upsertOf } from "./postgres-powertools.ts";
import { unnestUpsert } from "./postgres-raw.ts";

const attributes = Object.values(filmColumns).map(({ path: [attribute] }) => attribute);

/** Text and numbers as text, and null: the films have no other types. */
const columnsOf = (items: readonly SdkItem[]): unknown[][] =>
  attributes.map((attribute) => items.map((item) => item[attribute]?.S ?? item[attribute]?.N ?? null));

/** Copies a segment. The next page is read while the present one is written, as Sluice does. */
const copySegment = async (
  client: ScanClient,
  { table, pool }: CopySetting,
  segment: number,
  text: string,
): Promise<void> => {
  let next: Promise<ScanAnswer> | undefined = scanPage(client, table, segment, undefined);
  while (next !== undefined) {
    const { Items = [], LastEvaluatedKey }: ScanAnswer = await next;
    next = LastEvaluatedKey === undefined ? undefined : scanPage(client, table, segment, LastEvaluatedKey);
    for (const items of batched(Items, maxRows)) await pool.query(text, columnsOf(items));
  }
};

/** The contender that scans in parallel, and writes rows without a guard. */
export const rawCopy = async (setting: CopySetting): Promise<Copier> => {
  const view = "copied_raw";
  await setting.pool.query(createTable(view));
  const text = unnestUpsert(view);
  return {
    name: "raw",
    view,
    relations: [view],
    copy: async (client) => {
      await Promise.all(segmentNumbers.map((segment) => copySegment(client, setting, segment, text)));
    },
  };
};

/** The contender that a user would write: one page after the other, one upsert after the other. */
export const loopCopy = async (client: DynamoDBClient, { table, pool }: CopySetting): Promise<Copier> => {
  const view = "copied_by_loop";
  await pool.query(createTable(view));
  const text = upsertOf(view);
  return {
    name: "loop",
    view,
    relations: [view],
    copy: async () => {
      for await (const { Items = [] } of paginateScan({ client }, { TableName: table })) {
        for (const item of Items) {
          const film = unmarshall(item);
          await pool.query(
            text,
            attributes.map((attribute) => film[attribute] ?? null),
          );
        }
      }
    },
  };
};
