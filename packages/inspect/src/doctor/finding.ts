// What the doctor says about a deployment.

import type { Unanswered } from "../aws/answer.ts";

/** The parts of a deployment, in the order in which they are judged. */
export const areas = [
  "mapping",
  "stream",
  "function",
  "queues",
  "rights",
  "tombstones",
  "target",
  "operation",
] as const;

/** A part of a deployment. `--only` names one of them. */
export type Area = (typeof areas)[number];

/**
 * `fail`: records are lost, copies are wrong, or the pipeline does not run. `warn`: this may happen, or an operator will
 * miss it. `unknown`: a right is missing, so that the doctor cannot say.
 */
export type Level = "fail" | "warn" | "unknown";

/** A finding. It holds no value of an item, and no credential. */
export interface Finding {
  /** An entry of docs/doctor.md. */
  readonly code: string;
  readonly area: Area;
  readonly level: Level;
  /** The resource: its name or ARN. */
  readonly resource: string;
  readonly found: string;
  readonly expected: string;
  /** A command that mends the deployment; for `unknown`, the right that the doctor needs. */
  readonly fix: string;
}

/** A check. Checks run at the same time, and none sees the findings of another. */
export interface Check<Facts> {
  readonly area: Area;
  /** The codes that the check can report. */
  readonly codes: readonly string[];
  readonly findings: (facts: Facts) => readonly Finding[] | Promise<readonly Finding[]>;
}

/** The codes of answers that AWS did not give: every check may report them. */
export const unansweredCodes = ["NOT_ALLOWED", "NOT_ANSWERED", "CHECK_FAILED"] as const;

const isDenial = (reason: string): boolean => /AccessDenied|Unauthorized|NotAuthorized|Forbidden/.test(reason);

/**
 * The finding for a question without an answer. `doctor` reports equal ones once, so that each check whose answer is missing
 * may report it.
 * @param resource the subject of the question: name or ARN.
 */
export const openQuestion = (area: Area, resource: string, { action, reason }: Unanswered): Finding => ({
  code: isDenial(reason) ? "NOT_ALLOWED" : "NOT_ANSWERED",
  area,
  level: "unknown",
  resource,
  found: `${action} was answered with ${reason}`,
  expected: isDenial(reason) ? `permission for ${action}` : "an answer",
  fix: isDenial(reason)
    ? `Allow ${action} on ${resource}: sluice doctor --policy prints a policy with all rights that the doctor needs.`
    : "Run the command again.",
});
