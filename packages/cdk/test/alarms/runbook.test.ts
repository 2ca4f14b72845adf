// The table "Alarms" of docs/runbook.md says what the list of alarms says.

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { type AlarmRow, periodsText, pipelineAlarms, thresholdText } from "@sluice/rules";

const page = readFileSync(new URL("../../../../docs/runbook.md", import.meta.url), "utf8");

const table = (page.split("\n## Alarms\n")[1] ?? "").split("\n### ")[0] ?? "";

const places: Readonly<Record<NonNullable<AlarmRow["dimension"]>, string>> = {
  FunctionName: "of the function",
  EventSourceMappingUUID: "of the mapping",
  QueueName: "of the queue",
  StateMachineArn: "of the redrive [workflow](../packages/workflow/README.md)",
};

const placeOf = ({ dimension, source }: AlarmRow): string => {
  if (dimension !== undefined) return places[dimension];
  return source === "log" ? "in the log's reports, by a metric filter" : "by `received` of a route, by metric filters";
};

const rowOf = (row: AlarmRow): string =>
  `| [${row.title}](#${row.anchor}): \`${row.metric}\` ${placeOf(row)}, ${row.statistic.toLowerCase()} | ` +
  `${thresholdText(row, row.threshold)} | ${periodsText(row)} | ${row.why} |`;

test("the table has the list's rows, in its order", () => {
  const rows = table.split("\n").filter((line) => line.startsWith("| ["));
  expect(rows).toEqual(pipelineAlarms.map(rowOf));
});

test("each anchor is a heading of the page", () => {
  const headings = [...page.matchAll(/^### (.*)$/gm)].map(([, text = ""]) => text.toLowerCase().replaceAll(" ", "-"));
  for (const { anchor } of pipelineAlarms) expect(headings).toContain(anchor);
});

test("each alarm has its own id, and fires in at most its periods", () => {
  expect(new Set(pipelineAlarms.map(({ id }) => id)).size).toBe(pipelineAlarms.length);
  for (const { datapoints, periods, periodSeconds } of pipelineAlarms) {
    expect(datapoints).toBeLessThanOrEqual(periods);
    // CloudWatch accepts an evaluation of at most one day.
    expect(periods * periodSeconds).toBeLessThanOrEqual(86_400);
  }
});
