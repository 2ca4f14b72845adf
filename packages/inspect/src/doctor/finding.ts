// What the doctor says about a deployment.

/** The parts of a deployment. `--only` names one of them. */
export type Area = "mapping" | "stream" | "function" | "queues" | "rights" | "tombstones" | "target" | "operation";

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
