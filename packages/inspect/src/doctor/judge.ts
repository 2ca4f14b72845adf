// Runs checks at the same time, and sorts what they find.

import type { Check, Finding, Level } from "./finding.ts";

/** What checks found. */
export interface Judgement {
  /** Faults first, then warnings, then open questions. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Level, number>>;
  /** The codes that were looked for. */
  readonly checked: readonly string[];
}

const levels: readonly Level[] = ["fail", "warn", "unknown"];

/** A check that throws says nothing of the deployment. The message is not shown: it may have values of items. */
const failed = ({ area, codes }: Pick<Check<never>, "area" | "codes">, resource: string, error: unknown): Finding => ({
  code: "CHECK_FAILED",
  area,
  level: "unknown",
  resource,
  found: `the check of ${codes.join(", ")} ended with ${error instanceof Error ? error.name : typeof error}`,
  expected: "an answer",
  fix: "Run the command again; if the check fails again, report it as a fault of Sluice.",
});

const findingsOf = async <Facts>(check: Check<Facts>, facts: Facts, subject: string): Promise<readonly Finding[]> => {
  try {
    return await check.findings(facts);
  } catch (error) {
    return [failed(check, subject, error)];
  }
};

/** Several checks may need an answer that is missing, and two checks may see the same. */
const keyOf = ({ code, resource, found }: Finding): string => JSON.stringify([code, resource, found]);

/** Runs checks. `subject` is what a check that throws is about. Codes in `skip` are not reported. */
export const judge = async <Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  subject: string,
  skip: readonly string[],
): Promise<Judgement> => {
  const found = (await Promise.all(checks.map((check) => findingsOf(check, facts, subject)))).flat();
  const once = [...new Map(found.map((finding) => [keyOf(finding), finding])).values()];
  const kept = once.filter(({ code }) => !skip.includes(code));
  const findings = levels.flatMap((level) => kept.filter((finding) => finding.level === level));
  const countOf = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return {
    findings,
    counts: { fail: countOf("fail"), warn: countOf("warn"), unknown: countOf("unknown") },
    checked: [...new Set(checks.flatMap(({ codes }) => codes))].filter((code) => !skip.includes(code)),
  };
};
