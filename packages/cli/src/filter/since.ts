// Reads the value of the option `--since`.

import { CommandError } from "../command-line/command-error.ts";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Matches texts that start with an ISO 8601 date. `Date.parse` also accepts texts that no standard defines. */
const isoStart = /^\d{4}-\d\d-\d\d/;

/** Converts an ISO time, or `2h` for two hours ago, to milliseconds. @throws {CommandError} for any other text */
export const sinceTime = (text: string, now: number): number => {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * (unitMs[unit] ?? 0);
  const time = isoStart.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new CommandError(
    `--since is "${text}"; expected an ISO time such as 2026-01-02T03:04:05Z, or a span: 90m, 2h, 3d`,
  );
};
