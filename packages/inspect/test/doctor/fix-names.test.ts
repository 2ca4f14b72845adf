// The names in commands that replace what has the name: no command may undo another one, or something of the user.

import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { describe, expect, test } from "@jest/globals";
import { alarmsOf } from "@sluice/rules";
import { judgeAlarms } from "../../src/doctor/operation/alarms.ts";
import { judgeDecisions } from "../../src/doctor/rights/rights-check.ts";
import type { DoctorFinding } from "../../src/index.ts";

const namesIn = (option: string, findings: readonly DoctorFinding[]): readonly string[] =>
  findings.flatMap(({ fix }) => [...fix.matchAll(new RegExp(`--${option} (\\S+)`, "g"))].map(([, name = ""]) => name));

describe("commands that replace", () => {
  const resources = { function: "orders", "dead-letters": "dead", "retry-queue": undefined, destination: undefined };
  const alarms = ["m-1", "m-2"].flatMap((mapping) => alarmsOf({ ...resources, mapping, "verify-report": undefined }));
  const other: MetricAlarm = { AlarmName: "orders-dead-letters", Namespace: "AWS/SQS", MetricName: "Other" };

  test("alarms of two mappings have two names, and no name of an alarm that exists", () => {
    const names = namesIn("alarm-name", judgeAlarms(alarms, [other], "orders"));
    expect(names).toHaveLength(alarms.length);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("orders-dead-letters-2");
    expect(names).not.toContain(other.AlarmName);
  });

  test("the policies of two findings have two names, and one finding has the same name in each run", () => {
    const find = (action: string, resource: string) =>
      judgeDecisions([{ action, decision: "implicitDeny", missingContext: [], policies: [] }], {
        role: "arn:aws:iam::123456789012:role/orders",
        need: { resource, actions: [action], rights: ["stream"] },
      });
    const [one, two] = ["1", "2"].map(
      (label) => `arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/${label}`,
    );
    const wanted = [find("dynamodb:GetRecords", one ?? ""), find("dynamodb:GetRecords", two ?? "")];
    const later = find("dynamodb:DescribeStream", one ?? "");
    const names = namesIn("policy-name", [...wanted, later].flat());
    expect(new Set(names).size).toBe(3);
    expect(namesIn("policy-name", find("dynamodb:GetRecords", one ?? ""))).toEqual([names[0]]);
  });
});
