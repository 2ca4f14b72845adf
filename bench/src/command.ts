// npm run bench -- [SUITE] [--json FILE] [--rounds N] [--batch N] [--batches N]

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { machine } from "./machine.ts";
import { table } from "./markdown.ts";
import type { Figures, Goal, SuiteReport } from "./suite.ts";
import { suites } from "./suites.ts";

const usage = `Usage: npm run bench -- [SUITE] [--json FILE] [--rounds N] [--batch N] [--batches N]

  SUITE        one of: ${suites.map(({ name }) => name).join(", ")} (default: all except isolation and cold-start)
  --json FILE  also write the figures as one flat JSON object
  --rounds N   timed rounds (default 15)
  --batch N    records of a batch (default 1000)
  --batches N  batches of each mix in a round (default 3)
`;

const count = (option: string, value: string): number => {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new RangeError(`--${option} is ${value}; expected a whole number above 0`);
};

const goalCells = (value: number, goal: Goal | undefined): [string, string] => {
  if (goal === undefined) return ["", ""];
  if ("atLeast" in goal) return [`≥ ${goal.atLeast}`, value >= goal.atLeast ? "met" : "MISSED"];
  return [`≤ ${goal.atMost}`, value <= goal.atMost ? "met" : "MISSED"];
};

const summary = (reports: readonly SuiteReport[]): string[] =>
  table(
    ["figure", "value", "goal", ""],
    reports.flatMap(({ figures, goals }) =>
      Object.entries(figures).map(([name, value]) => [name, value, ...goalCells(value, goals[name])]),
    ),
  );

const toStandardOutput = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/**
 * Runs the suites that the arguments name, prints their tables and returns their figures.
 * @throws {RangeError} when an argument is invalid
 */
export const bench = async (
  args: readonly string[],
  print: (line: string) => void = toStandardOutput,
): Promise<Figures> => {
  const printLines = (lines: readonly string[]): void => lines.forEach(print);
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      rounds: { type: "string", default: "15" },
      batch: { type: "string", default: "1000" },
      batches: { type: "string", default: "3" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    printLines([usage]);
    return {};
  }
  const chosen =
    positionals.length === 0
      ? suites.filter(({ isRunByNameOnly }) => !isRunByNameOnly)
      : suites.filter(({ name }) => positionals.includes(name));
  if (chosen.length < positionals.length) throw new RangeError(`unknown suite ${positionals.join(" ")}\n\n${usage}`);
  const options = {
    rounds: count("rounds", values.rounds),
    batchSize: count("batch", values.batch),
    batches: count("batches", values.batches),
  };
  printLines([machine(), ""]);
  const reports: SuiteReport[] = [];
  for (const suite of chosen) {
    const report = await suite.run(options);
    printLines([`## ${suite.name}`, "", ...report.lines, ""]);
    reports.push(report);
  }
  printLines(summary(reports));
  const figures: Figures = Object.assign({}, ...reports.map((report) => report.figures));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  return figures;
};
