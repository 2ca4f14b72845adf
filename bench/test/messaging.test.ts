// Tests the output of the suites sns and sqs. No test checks how long something takes.

import { expect, test } from "@jest/globals";
import { bench } from "../src/command.ts";

test.each(["sns", "sqs"])("the suite %s has its figures, and the messages of every contender arrive", async (name) => {
  const lines: string[] = [];
  const figures = await bench([name, "--rounds", "1", "--batch", "25", "--batches", "2"], (line) => lines.push(line));
  expect(Object.keys(figures)).toEqual([`${name}/vs-raw`, `${name}/vs-powertools`, `${name}/records-per-second`]);
  for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
  expect(lines.join("\n")).toContain(`${name}/vs-powertools`);
});
