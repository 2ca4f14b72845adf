// What the doctor says of the fake host.

import type { DoctorFinding } from "@sluice/inspect";
import type { DoctorView } from "../../src/index.ts";
import type { FakeData } from "./places.ts";

const areas: readonly DoctorFinding["area"][] = ["mapping", "stream", "function", "queues", "rights", "target"];

const levels: readonly DoctorFinding["level"][] = ["fail", "warn", "warn", "unknown"];

const finding = (number: number): DoctorFinding => ({
  code: `FAKE_FINDING_${number}`,
  area: areas[number % areas.length] ?? "mapping",
  level: levels[number % levels.length] ?? "warn",
  resource: `arn:aws:lambda:eu-central-1:123456789012:function:orders-replication-${number}`,
  found: "MaximumRetryAttempts is -1, so that a bad record is retried until it is 24 hours old",
  expected: "MaximumRetryAttempts of at most 10, and a destination for the records that Lambda gives up",
  fix: `aws lambda update-event-source-mapping --uuid 5f1c0a3e-0000-4000-8000-${String(number).padStart(12, "0")} --maximum-retry-attempts 10`,
});

const counts: Record<FakeData, number> = { none: 0, little: 4, much: 60 };

/** The answer of the doctor. */
export const fakeDoctor = (data: FakeData, now: number): DoctorView => {
  const findings = Array.from({ length: counts[data] }, (_, number) => finding(number));
  const count = (level: string): number => findings.filter((entry) => entry.level === level).length;
  return {
    at: new Date(now).toISOString(),
    subject: "orders.ts",
    findings,
    counts: { fail: count("fail"), warn: count("warn"), unknown: count("unknown") },
    checked: Array.from({ length: 62 }, (_, number) => `FAKE_FINDING_${number}`),
  };
};
