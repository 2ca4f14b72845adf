// The table itself as a source: a parallel scan. Why the reads need not be consistent: decision 0061.

import { type AttributeValue, type Image, itemKeyOf, type StreamRecord, wireImage } from "@sluice/core/envelope";
import { type Clock, type SdkItem, type SdkValue, sdkItem } from "@sluice/core/sink-kit";
import type { ReadRate } from "../rate/read-rate.ts";
import { backfillRecord, keysOf, type Micros, type RecordOrigin } from "../record/records.ts";
import { prefetched } from "./prefetch.ts";
import { withinTime } from "./request-time.ts";
import { withRetries } from "./retries.ts";
import { segmentUnits } from "./segments.ts";
import { type ItemSource, SourceError, type SourcePage, type Unit, unitName } from "./source.ts";
import { tableFailure } from "./source-failure.ts";

/** The input of a scan of one page. */
export interface ScanInput {
  readonly TableName: string;
  readonly Segment: number;
  readonly TotalSegments: number;
  readonly Limit: number;
  readonly ReturnConsumedCapacity: "TOTAL";
  readonly ConsistentRead: boolean;
  readonly ExclusiveStartKey?: Record<string, SdkValue>;
}

/** The part of a scan's answer that a source reads. */
export interface ScanOutput {
  readonly Items?: readonly { readonly [attribute: string]: unknown }[] | undefined;
  readonly LastEvaluatedKey?: { readonly [attribute: string]: unknown } | undefined;
  readonly ConsumedCapacity?: { readonly CapacityUnits?: number | undefined } | undefined;
  readonly $metadata?: { readonly attempts?: number | undefined } | undefined;
}

/** The call of `DynamoDB` from `@aws-sdk/client-dynamodb` that a scan makes; your own client fits. */
export interface ScanClient {
  readonly scan: (input: ScanInput, options: { readonly abortSignal: AbortSignal }) => Promise<ScanOutput>;
}

/** Options of `scanSource`. */
export interface ScanOptions {
  readonly client: ScanClient;
  /** Name or ARN of the table. */
  readonly table: string;
  readonly origin: RecordOrigin;
  /** A time before the first page of the run was read. `tableTime` returns it when the run starts. */
  readonly asOf: Micros;
  /** Number of segments, from 1 to 1,000,000; fixed for a run. `segmentCount` proposes one. */
  readonly segments: number;
  /** The read capacity units per second that all segments of this process share. Default: no limit. */
  readonly rate?: ReadRate | undefined;
  /** Consistent reads cost twice as much. A backfill does not need them. Default false. */
  readonly isConsistent?: boolean | undefined;
  readonly clock?: Pick<Clock, "sleep" | "random"> | undefined;
}

type Segment = Extract<Unit, { readonly kind: "segment" }>;

/** A page of small items would otherwise have tens of thousands of records. */
const maxItemsPerPage = 4_000;

/** A capacity unit reads so many bytes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html */
const bytesPerUnit = 4_096;

/** DynamoDB answers within a second. A connection that was cut without a notice never answers. */
const requestTimeoutMs = 30_000;

const imageOf = (item: { readonly [attribute: string]: unknown }): Image =>
  wireImage(item as { readonly [attribute: string]: AttributeValue });

const encodeCursor = (key: { readonly [attribute: string]: unknown }): string =>
  Buffer.from(JSON.stringify(imageOf(key))).toString("base64url");

const decodeCursor = (cursor: string, unit: Unit, { keyNames }: RecordOrigin): SdkItem => {
  try {
    const key = keysOf(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as Image, keyNames);
    itemKeyOf(key);
    return sdkItem(key);
  } catch (cause) {
    const found = `the cursor of ${unitName(unit)} is no cursor of a scan`;
    throw new SourceError(`${found}; expected a cursor that this source returned`, { cause });
  }
};

/** What the page cost. DynamoDB's own figure may be missing; then the length of the items' JSON stands in for it. */
const readUnitsOf = ({ ConsumedCapacity, Items }: ScanOutput, isConsistent: boolean): number => {
  if (ConsumedCapacity?.CapacityUnits !== undefined) return ConsumedCapacity.CapacityUnits;
  const units = Math.max(1, Math.ceil(JSON.stringify(Items ?? []).length / bytesPerUnit));
  return isConsistent ? units : units / 2;
};

const recordsOf = ({ origin, asOf, table }: ScanOptions, items: ScanOutput["Items"] = []): readonly StreamRecord[] => {
  try {
    return items.map((item) => backfillRecord(origin, imageOf(item), asOf));
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new SourceError(`[table ${table}] ${problem}`, { cause });
  }
};

const segmentOf = (unit: Unit, { segments, table }: ScanOptions): Segment => {
  if (unit.kind === "segment" && unit.segments === segments) return unit;
  const expected = `a segment of ${segments}: the number of segments is fixed for a run`;
  throw new SourceError(`[table ${table}] the unit is ${unitName(unit)}; expected ${expected}`);
};

const inputOf = (options: ScanOptions, unit: Segment, after: string | undefined): ScanInput => ({
  TableName: options.table,
  Segment: unit.segment,
  TotalSegments: unit.segments,
  Limit: maxItemsPerPage,
  ReturnConsumedCapacity: "TOTAL",
  ConsistentRead: options.isConsistent ?? false,
  ...(after !== undefined && { ExclusiveStartKey: decodeCursor(after, unit, options.origin) }),
});

/** Scans once, within the rate. Resolves with undefined if the signal aborts before the turn comes. */
const scanInTurn = async (
  { client, rate, isConsistent = false }: ScanOptions,
  input: ScanInput,
  signal: AbortSignal,
): Promise<{ readonly output: ScanOutput; readonly readUnits: number } | undefined> => {
  const spend = await rate?.take(signal);
  let readUnits = 0;
  try {
    if (signal.aborted) return undefined;
    const output = await withinTime(signal, requestTimeoutMs, (abortSignal) => client.scan(input, { abortSignal }));
    readUnits = readUnitsOf(output, isConsistent);
    // The SDK has its own retries. Most failures that it retries are throttled requests.
    if ((output.$metadata?.attempts ?? 1) > 1) rate?.throttled();
    return { output, readUnits };
  } finally {
    spend?.(readUnits);
  }
};

const readPage = async (
  options: ScanOptions,
  unit: Segment,
  after: string | undefined,
  signal: AbortSignal,
): Promise<SourcePage | undefined> => {
  const input = inputOf(options, unit, after);
  const read = await withRetries(() => scanInTurn(options, input, signal), {
    failureOf: (error) => tableFailure(options.table, error),
    onThrottled: () => options.rate?.throttled(),
    clock: options.clock,
    signal,
  });
  if (read === undefined) return undefined;
  const { LastEvaluatedKey: last, Items } = read.output;
  const cursor = last === undefined ? undefined : encodeCursor(last);
  return { records: recordsOf(options, Items), cursor, readUnits: read.readUnits };
};

/**
 * Creates the source that reads a table by a parallel scan. The scan is no snapshot: each item is in some state at or
 * after `asOf`. Changes after `asOf` are in the stream, and outrank the records of the scan.
 */
export const scanSource = (options: ScanOptions): ItemSource => ({
  name: `table ${options.table}`,
  units: async () => segmentUnits(options.origin.run, options.segments),
  pages: (unit, after, signal) => {
    const segment = segmentOf(unit, options);
    return prefetched((cursor, either) => readPage(options, segment, cursor, either), after, signal);
  },
});
