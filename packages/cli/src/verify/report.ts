// The report of a verification: counts of each target, examples, and the command to run next.

import { type Finding, findingClasses, type TargetTally, type VerifyReport } from "@sluice/backfill";
import { shellWord } from "../command-line/shell-word.ts";
import { plainKey } from "../source-table/item-keys.ts";
import { counted, withSeparators } from "../terminal/format.ts";
import { cut } from "../terminal/plain-text.ts";
import type { VerifyCommandOptions } from "./options.ts";

const maxKeyLength = 300;
const maxValueLength = 200;

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

const valueLines = ({ values, members }: Finding): string[] =>
  values === undefined
    ? []
    : members.map((name) => {
        const text = (from: { readonly [member: string]: string }): string =>
          cut(from[name] ?? "nothing", maxValueLength);
        return `      ${name}: expected ${text(values.expected)}; the target holds ${text(values.held)}`;
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
  const again = ["npx", "sluice", "verify", ...args].map(shellWord).join(" ");
  const { module, table, deadLetters, repairs } = options;
  if (report.stopped?.startsWith("differs too much")) {
    return ["npx", "sluice", "backfill", module, "--table", table].map(shellWord).join(" ");
  }
  if (!report.isComplete) return again;
  if (findingsOf(report) > 0 && !repairs) return `${again} --repair`;
  if (countOf(report, "pending") > 0) return `npx sluice dead-letters list ${shellWord(deadLetters[0] ?? "")}`;
  return report.isEqual && countOf(report, "in flight") === 0 ? undefined : again;
};
