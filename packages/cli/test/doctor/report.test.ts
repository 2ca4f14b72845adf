// Commands of findings, as the user can copy them.

import { describe, expect, test } from "@jest/globals";
import type { DoctorReport } from "@sluice/inspect";
import { deadLettersOptions } from "../../src/dead-letters/options.ts";
import { withUserOptions } from "../../src/doctor/report.ts";

const reportOf = (fix: string): DoctorReport => ({
  functionName: "orders",
  findings: [{ code: "CODE", area: "mapping", level: "warn", resource: "orders", found: "a", expected: "b", fix }],
  counts: { fail: 0, warn: 1, unknown: 0 },
  checked: ["CODE"],
  unanswered: undefined,
});

const fixOf = (fix: string, module?: string): string => {
  const aws = { profile: "a b", region: "eu-west-1", endpointUrl: undefined };
  return withUserOptions(reportOf(fix), aws, module).findings[0]?.fix ?? "";
};

const given = "--profile 'a b' --region eu-west-1";

describe("the user's options in the command of a finding", () => {
  test.each([
    ["aws sqs list-queues", `aws ${given} sqs list-queues`],
    [
      "aws sqs list-queues\naws lambda get-function --name a",
      `aws ${given} sqs list-queues\naws ${given} lambda get-function --name a`,
    ],
    ["Or delete the alarm: aws cloudwatch delete-alarms", `Or delete the alarm: aws ${given} cloudwatch delete-alarms`],
    ['aws x y --a "$(aws dynamodb list-tables)"', `aws ${given} x y --a "$(aws ${given} dynamodb list-tables)"`],
    ["sluice dead-letters list https://q/1/a", `sluice dead-letters list ${given} https://q/1/a`],
    ["sluice doctor --function orders:live", `sluice doctor ${given} --function orders:live`],
    ["sluice verify pipeline.ts --table t", `sluice verify ${given} 'my orders.ts' --table t`],
    ["Start the run; or run sluice verify.", "Start the run; or run sluice verify."],
  ])("%s", (fix, expected) => expect(fixOf(fix, "my orders.ts")).toBe(expected));

  test("the command of waiting dead letters is one that sluice takes", () => {
    const args = ["list", "--profile", "a b", "--region", "eu-west-1", "https://sqs.eu-west-1.amazonaws.com/1/a"];
    expect(deadLettersOptions(args, 0)).toMatchObject({ aws: { profile: "a b", region: "eu-west-1" } });
  });
});
