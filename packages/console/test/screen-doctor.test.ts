import { expect, test } from "@jest/globals";
import type { DoctorFinding } from "@sluice/inspect";
import { byLevel, doctorSummary, fixParts } from "../src/page/screens/doctor-text.ts";

const finding = (code: string, level: DoctorFinding["level"]): DoctorFinding => ({
  code,
  area: "queues",
  level,
  resource: "q",
  found: "a",
  expected: "b",
  fix: "c",
});

test("findings are in groups, the worst first", () => {
  const groups = byLevel([finding("A", "unknown"), finding("B", "fail"), finding("C", "unknown")]);
  expect(groups.map(({ level, findings }) => [level, findings.map(({ code }) => code)])).toEqual([
    ["fail", ["B"]],
    ["unknown", ["A", "C"]],
  ]);
});

test("a summary has the counts", () => {
  const checked = ["A", "B"];
  expect(doctorSummary({ counts: { fail: 0, warn: 0, unknown: 0 }, checked })).toBe(
    "Nothing is wrong: 2 codes checked.",
  );
  expect(doctorSummary({ counts: { fail: 1, warn: 2, unknown: 0 }, checked })).toBe(
    "1 fault, 2 warnings, 0 unknown; 2 codes checked.",
  );
});

test("a fix is commands to copy, and sentences", () => {
  expect(fixParts("Allow this:\naws iam put \\\n  --name x\naws sqs y\n\nThen wait.")).toEqual([
    { type: "text", text: "Allow this:" },
    { type: "command", text: "aws iam put \\\n  --name x\naws sqs y" },
    { type: "text", text: "Then wait." },
  ]);
  expect(fixParts("Name another table.")).toEqual([{ type: "text", text: "Name another table." }]);
});
