// Judges a deployment: reads it once, runs all checks at the same time, and reports what is wrong.

import type { Pipeline } from "@sluice/core";
import { type Answer, isAnswered, type Unanswered } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import { checks } from "./checks.ts";
import { type Facts, readFacts } from "./facts.ts";
import { type Area, unansweredCodes } from "./finding.ts";
import { type Judgement, judge } from "./judge.ts";

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
export interface Report extends Judgement {
  /** The function that was judged, with its alias or version. */
  readonly functionName: string;
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

/** Judges a deployment. Only reads: every call is a Describe, Get, List or Simulate. */
export const doctor = async ({ clients, functionName, only, skip = [], ...given }: DoctorOptions): Promise<Report> => {
  const chosen = checks.filter(({ area }) => only === undefined || only.includes(area));
  const facts = await readFacts(clients, functionName, given);
  const { name } = facts.function;
  return { functionName: name, ...(await judge(chosen, facts, name, skip)), unanswered: unansweredOf(facts) };
};
