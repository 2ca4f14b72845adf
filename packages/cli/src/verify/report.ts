// The report of a verification: counts of each target, examples, and the command to run next.

import { type Finding, findingClasses, type TargetTally, type VerifyReport } from "@sluice/backfill";
import { awsWords, sluiceCommand } from "../command-line/pasted-command.ts";
import { plainKey } from "../source-table/item-keys.ts";
import { counted, withSeparators } from "../terminal/format.ts";
import { cut } from "../terminal/plain-text.ts";
import type { VerifyCommandOptions } from "./options.ts";

const maxKeyLength = 300;
const maxValueLength = 200;
/** Longest list of rows of one side. */
const maxRows = 8;

/** Classes in the order in which the report counts them. */
const shownClasses = [
  "equal",
  "hidden",
  "kept",
  ...findingClasses,
  "ahead",
  "pending",
  "in flight",
  "unstable",
  "rejected",
  "unknown key",
] as const;

/** Formats the counts of a target: `19,995 equal, 2 missing (2 repaired), 1 ghost`. */
const tallyLine = (target: string, { counts, repairs }: TargetTally): string => {
  const parts = shownClasses.flatMap((one) => {
    const count = counts[one] ?? 0;
    return count === 0 ? [] : [`${withSeparators(count)} ${one === "unknown key" ? "with an unknown key" : one}`];
  });
  const repaired = Object.entries(repairs).map(([outcome, count]) => {
    const word = {
      repaired: "repaired",
      superseded: "up to date before their repair",
      rejected: "repairs rejected",
      failed: "repairs failed",
    };
    return `${withSeparators(count)} ${word[outcome as keyof typeof word]}`;
  });
  const after = repaired.length === 0 ? "" : `; ${repaired.join(", ")}`;
  return `${target}: ${parts.length === 0 ? "nothing to compare" : parts.join(", ")}${after}`;
};

/** Returns the rows of a nested list, which a copy has as one text: a JSON array of objects. Undefined for another text. */
const rowsIn = (text: string): readonly string[] | undefined => {
  if (!text.startsWith("[{")) return undefined;
  try {
    return (JSON.parse(text) as readonly unknown[]).map((row) => JSON.stringify(row));
  } catch {
    return undefined;
  }
};

const rowLines = (side: string, rows: readonly string[]): string[] => {
  const more = rows.length - maxRows;
  const shown = rows.slice(0, maxRows).map((row) => `        ${side} ${cut(row, maxValueLength)}`);
  return more > 0 ? [...shown, `        ${side} ${counted(more, "other row")}`] : shown;
};

/** The rows that only one of two nested lists has, each in a line. Undefined for other texts. */
const differingRows = (name: string, expected: string, held: string): string[] | undefined => {
  const [wants, has] = [rowsIn(expected), rowsIn(held)];
  if (wants === undefined || has === undefined) return undefined;
  const [known, wanted] = [new Set(has), new Set(wants)];
  const lines = [
    ...rowLines(
      "expected",
      wants.filter((row) => !known.has(row)),
    ),
    ...rowLines(
      "the target holds",
      has.filter((row) => !wanted.has(row)),
    ),
  ];
  return lines.length === 0 ? undefined : [`      ${name}: ${counted(wants.length, "row")} expected`, ...lines];
};

const valueLines = ({ values, members }: Finding): string[] =>
  values === undefined
    ? []
    : members.flatMap((name) => {
        const [expected, held] = [values.expected[name], values.held[name]];
        const rows = differingRows(name, expected ?? "", held ?? "");
        if (rows !== undefined) return rows;
        const text = (value = "nothing"): string => cut(value, maxValueLength);
        return [`      ${name}: expected ${text(expected)}; the target holds ${text(held)}`];
      });

const findingLines = (finding: Finding): string[] => {
  const { keys, members, repair, code, message } = finding;
  const what = members.length === 0 ? "" : `: ${members.join(", ")}`;
  const why = [code, message].filter((text) => text !== undefined).join(" ");
  const outcome = repair === undefined || repair === "repaired" ? "" : `; ${repair}${why === "" ? "" : `: ${why}`}`;
  return [`    ${finding.class} ${cut(plainKey(keys), maxKeyLength)}${what}${outcome}`, ...valueLines(finding)];
};

const unstableLines = ({ unstable }: TargetTally): string[] =>
  Object.entries(unstable).map(
    ([route, members]) =>
      `  the mapper or the filter of route ${route} gives another result at another time, or each time: ${members.join(", ")}; expected one that depends on the item alone, so nothing is compared there`,
  );

const rejectionLines = ({ rejections }: TargetTally): string[] =>
  Object.entries(rejections).map(
    ([code, count]) => `  ${counted(count, "item")} rejected with ${code}: what the target should hold is unknown`,
  );

/** Formats the report of the targets, with examples. */
export const reportLines = ({ tally, examples, limits }: VerifyReport): string[] => [
  ...Object.entries(tally).flatMap(([target, counts]) => [
    tallyLine(target, counts),
    ...unstableLines(counts),
    ...rejectionLines(counts),
    ...examples.filter((finding) => finding.target === target).flatMap(findingLines),
  ]),
  ...limits.map((limit) => `note: ${limit}`),
];

/** Number of copies of a class, in all targets. */
export const countOf = ({ tally }: VerifyReport, one: "pending" | "in flight"): number =>
  Object.values(tally).reduce((sum, { counts }) => sum + (counts[one] ?? 0), 0);

const findingsOf = ({ tally }: VerifyReport): number =>
  Object.values(tally).reduce((sum, { counts, repairs }) => {
    const found = findingClasses.reduce((all, one) => all + (counts[one] ?? 0), 0);
    return sum + found - (repairs.repaired ?? 0) - (repairs.superseded ?? 0);
  }, 0);

/** Returns the command to run next; undefined if nothing is left to do. */
export const nextCommand = (
  report: VerifyReport,
  options: VerifyCommandOptions,
  args: readonly string[],
): string | undefined => {
  const { module, table, deadLetters, repairs, routes, aws } = options;
  const again = sluiceCommand("verify", ...args);
  if (report.stopped?.startsWith("differs too much")) {
    const only = routes === undefined ? [] : ["--routes", routes.join(",")];
    return sluiceCommand("backfill", module, "--table", table, ...only, ...awsWords(aws));
  }
  if (!report.isComplete) return again;
  if (findingsOf(report) > 0 && !repairs) return `${again} --repair`;
  if (countOf(report, "pending") > 0)
    return sluiceCommand("dead-letters", "list", deadLetters[0] ?? "", ...awsWords(aws));
  return report.isEqual && countOf(report, "in flight") === 0 ? undefined : again;
};
