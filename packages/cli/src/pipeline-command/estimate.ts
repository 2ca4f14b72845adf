// What a run will cost, before it starts.

import type { ExportSummary } from "@sluice/backfill";
import type { SourceTable } from "../source-table/source-table.ts";
import { durationText, withSeparators } from "../terminal/format.ts";

/** What a run reads, and what this costs. */
export interface Estimate {
  readonly items: number;
  readonly bytes: number;
  /** Read capacity units; 0 for an export. */
  readonly readUnits: number;
  /** Undefined if the table's capacity is provisioned: the run then takes a part of what is paid anyway. */
  readonly dollars: number | undefined;
  /** Undefined if nothing limits the run. */
  readonly durationMs: number | undefined;
}

/** The rates that limit a run. */
export interface Rates {
  readonly readUnitsPerSecond: number | undefined;
  readonly itemsPerSecond: number | undefined;
}

/** A scan without consistency reads twice as much for a unit. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html (read 2026-11-28) */
const bytesPerUnit = 8_192;

/** On demand, us-east-1: docs/costs.md. @see https://aws.amazon.com/dynamodb/pricing/on-demand/ (read 2026-11-25) */
const dollarsPerUnit = 0.125 / 1_000_000;

/** Price, region and date of the dollars, for people. */
const priceSource = "at $0.125 for a million units on demand in us-east-1, read on 2026-11-25";

const defaultShare = 0.2;
const defaultOnDemand = 500;

/** The rate of a scan: the user's, or a share of what the table has. */
export const scanRate = (asked: number | undefined, { provisionedReadUnits }: SourceTable): number => {
  if (asked !== undefined) return asked;
  if (provisionedReadUnits === undefined) return defaultOnDemand;
  return Math.max(1, Math.floor(provisionedReadUnits * defaultShare));
};

const longest = (...seconds: readonly (number | undefined)[]): number | undefined => {
  const known = seconds.filter((one) => one !== undefined);
  return known.length === 0 ? undefined : Math.max(...known) * 1_000;
};

const per = (amount: number, perSecond: number | undefined): number | undefined =>
  perSecond === undefined ? undefined : amount / perSecond;

/** Estimates the scan of a table. DynamoDB updates the table's size every six hours. */
export const scanEstimate = (table: SourceTable, rates: Rates): Estimate => {
  const readUnits = Math.ceil(table.sizeBytes / bytesPerUnit);
  return {
    items: table.itemCount,
    bytes: table.sizeBytes,
    readUnits,
    dollars: table.provisionedReadUnits === undefined ? readUnits * dollarsPerUnit : undefined,
    durationMs: longest(per(readUnits, rates.readUnitsPerSecond), per(table.itemCount, rates.itemsPerSecond)),
  };
};

/** Estimates the reading of an export. */
export const exportEstimate = ({ items, billedBytes }: ExportSummary, { itemsPerSecond }: Rates): Estimate => ({
  items,
  bytes: billedBytes,
  readUnits: 0,
  dollars: 0,
  durationMs: longest(per(items, itemsPerSecond)),
});

const sizeText = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

const costText = ({ readUnits, dollars }: Estimate): string => {
  if (readUnits === 0) return "no read capacity; S3 takes less than a cent for a thousand files";
  const units = `about ${withSeparators(readUnits)} read capacity units`;
  if (dollars === undefined) return `${units} of the table's provisioned capacity`;
  const price = dollars < 0.01 ? "less than $0.01" : `$${dollars.toFixed(2)}`;
  return `${units}, ${price} ${priceSource}`;
};

/** Describes an estimate, in lines. */
export const estimateLines = (estimate: Estimate, { readUnitsPerSecond }: Rates): string[] => {
  const { items, bytes, durationMs } = estimate;
  const rate = readUnitsPerSecond === undefined ? "" : `, at ${withSeparators(readUnitsPerSecond)} units per second`;
  return [
    `about ${withSeparators(items)} items, ${sizeText(bytes)}`,
    `${costText(estimate)}; the cost of the targets is not included`,
    durationMs === undefined
      ? "the time depends on the targets"
      : `at least ${durationText(durationMs)}${rate}; a slow target takes longer`,
  ];
};
