// The report of the doctor as lines.

import type { DoctorFinding, DoctorReport, Level } from "@sluice/inspect";
import type { AwsOptions } from "../aws/clients.ts";
import { shellWord } from "../command-line/shell-word.ts";
import { counted } from "../terminal/format.ts";

/** The words of a level, in the order of the report. A level is a word, never only a colour. */
const levels: readonly (readonly [Level, string])[] = [
  ["fail", "FAIL: records are lost, copies are wrong, or the pipeline does not run"],
  ["warn", "WARN: this may happen, or an operator will miss it"],
  ["unknown", "UNKNOWN: AWS did not answer"],
];

const findingLines = ({ code, area, resource, found, expected, fix }: DoctorFinding): readonly string[] => [
  `  ${code}  ${area}  ${resource}`,
  `    found     ${found}`,
  `    expected  ${expected}`,
  // On lines of their own, so that a triple click copies a command.
  ...fix.split("\n").map((line) => `    ${line}`),
  "",
];

const groupLines = (findings: readonly DoctorFinding[], title: string): readonly string[] =>
  findings.length === 0 ? [] : [title, "", ...findings.flatMap(findingLines)];

const countLine = ({ functionName, counts: { fail, warn, unknown }, checked }: DoctorReport): string =>
  `${functionName}: ${counted(fail, "fault")}, ${counted(warn, "warning")}, ${unknown} unknown; ` +
  `${counted(checked.length, "code")} checked`;

/** The lines of a report. The last one has the counts. */
export const doctorLines = (report: DoctorReport): readonly string[] => [
  ...levels.flatMap(([level, title]) =>
    groupLines(
      report.findings.filter((finding) => finding.level === level),
      title,
    ),
  ),
  countLine(report),
];

/** At the beginning of a line, inside a command line, or behind the colon of a sentence. */
const awsCommand = /(^|&& |\$\(|: )aws (?=[a-z0-9-]+ )/gm;

/** A text of commands with the options that the user gave: they must reach the same account, region and engine. */
const withOptions = (
  text: string,
  { profile, region, endpointUrl }: AwsOptions,
  module: string | undefined,
): string => {
  const given = Object.entries({ profile, region, "endpoint-url": endpointUrl }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, shellWord(value)],
  );
  const options = given.length === 0 ? "" : `${given.join(" ")} `;
  return text
    .replace(awsCommand, (_, before: string) => `${before}aws ${options}`)
    .replace(/^sluice (\w+) pipeline\.ts/, (_, name: string) => `sluice ${name} ${shellWord(module ?? "pipeline.ts")}`)
    .replace(/^(sluice (?:dead-letters )?\w+)(?= )/, (name) =>
      given.length === 0 ? name : `${name} ${given.join(" ")}`,
    );
};

/** The findings with the options that the user gave in their commands. */
export const withUserOptions = <Report extends Pick<DoctorReport, "findings">>(
  report: Report,
  aws: AwsOptions,
  module: string | undefined,
): Report => ({
  ...report,
  findings: report.findings.map((finding) => ({ ...finding, fix: withOptions(finding.fix, aws, module) })),
});
