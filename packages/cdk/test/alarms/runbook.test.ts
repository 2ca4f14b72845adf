// The table "Alarms" of docs/runbook.md says what the list of alarms says.

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { type AlarmRow, periodsText, pipelineAlarms, thresholdText, valueText } from "@sluice/rules";

const page = readFileSync(new URL("../../../../docs/runbook.md", import.meta.url), "utf8");

const [table = "", ...sections] = (page.split("\n## Alarms\n")[1] ?? "").split("\n## ")[0]?.split("\n### ") ?? [];

const places: Readonly<Record<string, string>> = {
  FunctionName: "of the function",
  EventSourceMappingUUID: "of the mapping",
  QueueName: "of the queue",
};

const placeOf = ({ each, value }: AlarmRow): string => {
  const { dimensions } = value.of;
  if (each === "route-or-function") return "of each named route, or of the function";
  if (each === "route") return "of each named route";
  if (dimensions.StateMachineArn)
    return `of the ${dimensions.StateMachineArn} [workflow](../packages/workflow/README.md)`;
  if (dimensions.function === "verify-report") return "of the verify's report function";
  return places[Object.keys(dimensions)[0] ?? ""] ?? "that the function writes";
};

const statistics: Readonly<Record<string, string>> = { Maximum: "maximum", Sum: "sum", SampleCount: "sample count" };

const noData: Readonly<Record<AlarmRow["missing"], string>> = {
  notBreaching: "off",
  breaching: "on",
  ignore: "unchanged",
};

const rowOf = (row: AlarmRow): string => {
  const { value, comparison, threshold, missing } = row;
  const limit = `${comparison === "below" ? "below " : ""}${thresholdText(row, threshold)}`;
  const min = value.kind === "share" && value.min > 1 ? `, of at least ${value.min} \`${value.of.metric}\`` : "";
  return (
    `| [${row.title}](#${row.anchor}): \`${valueText(value)}\` ${placeOf(row)}, ${statistics[value.of.statistic]} | ` +
    `${limit}${min} | ${periodsText(row)} | ${row.why} | ${noData[missing]}: ${row.missingWhy} |`
  );
};

test("the table has the list's rows, in its order", () => {
  const rows = table.split("\n").filter((line) => line.startsWith("| ["));
  expect(rows).toEqual(pipelineAlarms.map(rowOf));
});

test("each anchor is a heading of the page, with what to do, and each section has an alarm", () => {
  const anchorOf = (section: string): string =>
    section.slice(0, section.indexOf("\n")).toLowerCase().replaceAll(" ", "-");
  expect(sections.map(anchorOf).sort()).toEqual([...new Set(pipelineAlarms.map(({ anchor }) => anchor))].sort());
  expect(sections.filter((section) => !section.includes("- **Do:**")).map(anchorOf)).toEqual([]);
});

test("each alarm has its own id, and an evaluation that CloudWatch accepts", () => {
  expect(new Set(pipelineAlarms.map(({ id }) => id)).size).toBe(pipelineAlarms.length);
  for (const { datapoints, periods, periodSeconds, value } of pipelineAlarms) {
    expect(datapoints).toBeLessThanOrEqual(periods);
    // CloudWatch accepts an evaluation of at most one day.
    expect(periods * periodSeconds).toBeLessThanOrEqual(86_400);
    if (value.kind === "share") expect(value.among).toContainEqual(value.of);
  }
});
