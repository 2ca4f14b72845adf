// The parts that all contenders of the suite backfill share: the table, its segments, and the target.

import type { ScanClient, ScanOptions } from "@sluice/backfill";
import type pg from "pg";
import type { SdkItem } from "../films-table.ts";

/** Number of segments; all of them are read at once. */
export const segments = 4;

/** Maximum number of rows in a statement, and of records in a request to the handler. */
export const maxRows = 1_000;

/** What all contenders copy, and where they write. */
export interface CopySetting extends Pick<ScanOptions, "table"> {
  readonly streamArn: string;
  readonly pool: pg.Pool;
}

/** A page of a scan. */
export interface ScanAnswer {
  readonly Items?: readonly SdkItem[];
  readonly LastEvaluatedKey?: SdkItem;
}

/** A contender, and its tables. */
export interface Copier {
  readonly name: string;
  /** The table or view that users read. */
  readonly view: string;
  /** All tables that the contender writes to. */
  readonly relations: readonly string[];
  /** Copies all items that the client returns. */
  readonly copy: (client: ScanClient) => Promise<void>;
}

/** Scans one page of a segment. By default, the page is as large as a page of Sluice's scan. */
export const scanPage = async (
  client: ScanClient,
  table: string,
  segment: number,
  after: SdkItem | undefined,
  limit = 4_000,
): Promise<ScanAnswer> => {
  const input = {
    TableName: table,
    Segment: segment,
    TotalSegments: segments,
    Limit: limit,
    ReturnConsumedCapacity: "TOTAL",
    ConsistentRead: false,
    ...(after && { ExclusiveStartKey: after as never }),
  } as const;
  return (await client.scan(input, { abortSignal: new AbortController().signal })) as ScanAnswer;
};

/** Numbers of the segments. */
export const segmentNumbers: readonly number[] = Array.from({ length: segments }, (_, segment) => segment);
