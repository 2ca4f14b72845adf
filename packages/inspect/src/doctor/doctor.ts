// Judges a deployment: reads it once, runs all checks at the same time, and reports what is wrong.

import type { Pipeline } from "@sluice/core";
import { type Answer, isAnswered, type Unanswered } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import { checks } from "./checks.ts";
import { type Facts, readFacts } from "./facts.ts";
import { type Area, type Check, type Finding, type Level, unansweredCodes } from "./finding.ts";

/** Options of the doctor. */
export interface DoctorOptions {
  readonly clients: Clients;
  /** Name or ARN of the pipeline's function; with an alias or version if the mappings have one. */
  readonly functionName: string;
  /** The pipeline of the user's module. Without it, routes and targets are not judged. */
  readonly pipeline?: Pipeline<unknown>;
  /** The folder of the user's module. Without it, the versions of packages are not compared. */
  readonly directory?: string;
  /** The function that ends the runs of a verify: `report` of the construct. Without it, the last verify is not judged. */
  readonly verifyFunction?: string;
  /** Default: all areas. */
  readonly only?: readonly Area[];
  /** Codes that are not reported. */
  readonly skip?: readonly string[];
}

/** What the doctor says. */
export interface Report {
  /** The function that was judged, with its alias or version. */
  readonly functionName: string;
  /** Faults first, then warnings, then open questions. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Level, number>>;
  /** The codes that were looked for. */
  readonly checked: readonly string[];
  /** Why AWS answered no question about the function, so that nothing is judged; undefined if AWS answered one. */
  readonly unanswered: Unanswered | undefined;
}

/** All codes of findings: the entries of docs/doctor.md. */
export const doctorCodes: readonly string[] = [
  ...new Set([...checks.flatMap(({ codes }) => codes), ...unansweredCodes]),
];

const unansweredOf = ({
  function: { configuration, reservedConcurrency, mappings },
}: Facts): Unanswered | undefined => {
  const answers: readonly Answer<unknown>[] = [configuration, reservedConcurrency, mappings];
  return isAnswered(configuration) || answers.some(isAnswered) ? undefined : configuration.unanswered;
};

const levels: readonly Level[] = ["fail", "warn", "unknown"];

/** A check that throws says nothing of the deployment. The message is not shown: it may have values of items. */
const failed = ({ area, codes }: Check<Facts>, resource: string, error: unknown): Finding => ({
  code: "CHECK_FAILED",
  area,
  level: "unknown",
  resource,
  found: `the check of ${codes.join(", ")} ended with ${error instanceof Error ? error.name : typeof error}`,
  expected: "an answer",
  fix: "Run the command again; if the check fails again, report it as a fault of Sluice.",
});

const findingsOf = async (check: Check<Facts>, facts: Facts): Promise<readonly Finding[]> => {
  try {
    return await check.findings(facts);
  } catch (error) {
    return [failed(check, facts.function.name, error)];
  }
};

/** Several checks may need an answer that is missing, and two checks may see the same. */
const keyOf = ({ code, resource, found }: Finding): string => JSON.stringify([code, resource, found]);

/** Judges a deployment. Only reads: every call is a Describe, Get, List or Simulate. */
export const doctor = async ({ clients, functionName, only, skip = [], ...given }: DoctorOptions): Promise<Report> => {
  const chosen = checks.filter(({ area }) => only === undefined || only.includes(area));
  const facts = await readFacts(clients, functionName, given);
  const found = (await Promise.all(chosen.map((check) => findingsOf(check, facts)))).flat();
  const once = [...new Map(found.map((finding) => [keyOf(finding), finding])).values()];
  const kept = once.filter(({ code }) => !skip.includes(code));
  const findings = levels.flatMap((level) => kept.filter((finding) => finding.level === level));
  const countOf = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return {
    functionName: facts.function.name,
    findings,
    counts: { fail: countOf("fail"), warn: countOf("warn"), unknown: countOf("unknown") },
    checked: [...new Set(chosen.flatMap(({ codes }) => codes))].filter((code) => !skip.includes(code)),
    unanswered: unansweredOf(facts),
  };
};
