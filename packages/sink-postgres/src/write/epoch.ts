// Times that items store as numbers: seconds or milliseconds since 1970.

import { RecordError } from "@sluice/core/sink-kit";

/** The unit of a number that means a time. */
export type EpochUnit = "seconds" | "milliseconds";

/** Digits after the point that Postgres stores: microseconds. */
const mostDigits = 6;

const decimal = /^(-?)(\d{1,15})(?:\.(\d{1,40}))?$/;

/** Milliseconds of the last day that a JavaScript Date has, 275760-09-13. */
const mostMs = 8_640_000_000_000_000n;

const wrong = (expected: string): RecordError =>
  new RecordError(
    "MAPPING_FAILED",
    `a time is no number of ${expected}; expected a number since 1970, without exponent`,
  );

/**
 * Returns the time as a text that Postgres reads exactly, in UTC, to the microsecond. Later digits are cut off.
 * @throws {RecordError} MAPPING_FAILED when the text is not a decimal number, or its year has more than six digits.
 */
export const epochText = (text: string, unit: EpochUnit): string => {
  const [, sign = "", whole = "", fraction = ""] = decimal.exec(text) ?? [];
  if (whole === "") throw wrong(unit);
  const scale = unit === "seconds" ? mostDigits : mostDigits - 3;
  const micros = BigInt(`${sign}${whole}${fraction.slice(0, scale).padEnd(scale, "0")}`);
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const ms = (micros - rest) / 1_000n;
  if (ms > mostMs || ms < -mostMs) throw wrong(unit);
  const iso = new Date(Number(ms)).toISOString();
  // Postgres counts no year 0: the year before 1 is 1 BC. It reads years of more than four digits without a sign.
  const [, year = "", tail = ""] = /^([+-]?\d+)(-\d\d-\d\dT\d\d:\d\d:\d\d)/.exec(iso) ?? [];
  const number = Number(year);
  const shown = String(number > 0 ? number : 1 - number).padStart(4, "0");
  return `${shown}${tail}.${String(rest).padStart(6, "0")}Z${number > 0 ? "" : " BC"}`;
};

/** A number as an item has it. `NumberValue` is an object whose text is the number. */
type ItemNumber = number | bigint | { readonly toString: () => string };

/**
 * Turns seconds since 1970 into a text for a column with a date or time.
 * @throws {RecordError} MAPPING_FAILED when the value is not a number of seconds.
 * @example
 * (change) => ({ created_at: epochSeconds(change.after.createdAt) })
 */
export const epochSeconds = (value: ItemNumber): string => epochText(String(value), "seconds");

/**
 * Turns milliseconds since 1970 into a text for a column with a date or time.
 * @throws {RecordError} MAPPING_FAILED when the value is not a number of milliseconds.
 */
export const epochMilliseconds = (value: ItemNumber): string => epochText(String(value), "milliseconds");
