// Whether the role of the pipeline's function may do what the pipeline does.

import { createHash } from "node:crypto";
import { rightRows } from "@sluice/rules";
import { isAnswered } from "../../aws/answer.ts";
import { command, updateFunction } from "../command.ts";
import type { Facts } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { unqualified } from "../function-name.ts";
import { locationOf } from "./location.ts";
import { byResource, needsOf, type ResourceNeed } from "./needs.ts";
import { type Decision, simulate } from "./simulate.ts";

/** A role, and what it needs on a resource. */
interface RoleNeed {
  readonly role: string;
  readonly need: ResourceNeed;
}

const notSeen = "The simulation sees neither policies of the resource, nor of the organization, nor of VPC endpoints";

const area = "rights";

const usesOf = ({ rights }: ResourceNeed): string =>
  rights.map((right) => `${rightRows[right].package}: ${rightRows[right].use.replaceAll("`", "")}`).join("; ");

const nameOf = (role: string): string => role.split("/").at(-1) ?? role;

/** A policy for an object is for all objects of its bucket. */
const grantable = (resource: string): string =>
  resource.split(":")[2] === "s3" ? resource.replace(/\/.*$/, "/*") : resource;

/** `put-role-policy` replaces a policy of the same name, which may be that of another finding. */
const digestOf = (policy: string): string => createHash("sha256").update(policy).digest("hex").slice(0, 8);

const allowing = ({ role, need }: RoleNeed, actions: readonly string[]): string => {
  const statement = { Effect: "Allow", Action: actions, Resource: grantable(need.resource) };
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const name = `sluice-${need.rights[0]}-${digestOf(policy)}`;
  const words = ["--role-name", nameOf(role), "--policy-name", name, "--policy-document", policy];
  return command("aws", "iam", "put-role-policy", ...words);
};

const actionsOf = (decisions: readonly Decision[]): readonly string[] => decisions.map(({ action }) => action);

const expectedOf = (actions: readonly string[], { need }: RoleNeed): string =>
  `permission for ${actions.join(", ")} on ${need.resource} (${usesOf(need)})`;

const missing = (decisions: readonly Decision[], asked: RoleNeed): Finding => ({
  code: "RIGHT_MISSING",
  area,
  level: "fail",
  resource: asked.role,
  found: `no policy of the role allows ${actionsOf(decisions).join(", ")} on ${asked.need.resource}. ${notSeen}`,
  expected: expectedOf(actionsOf(decisions), asked),
  fix: allowing(asked, actionsOf(decisions)),
});

const denied = (decisions: readonly Decision[], asked: RoleNeed): Finding => {
  const policies = [...new Set(decisions.flatMap((decision) => decision.policies))];
  const where = policies.length === 0 ? "a policy" : policies.join(", ");
  return {
    code: "RIGHT_DENIED",
    area,
    level: "fail",
    resource: asked.role,
    found: `${where} denies the role ${actionsOf(decisions).join(", ")} on ${asked.need.resource}`,
    expected: expectedOf(actionsOf(decisions), asked),
    fix: `Remove the statement with "Effect": "Deny" from ${where}, or except the role ${nameOf(asked.role)} from it.`,
  };
};

const conditional = (decisions: readonly Decision[], asked: RoleNeed): Finding => {
  const keys = [...new Set(decisions.flatMap((decision) => decision.missingContext))];
  return {
    code: "RIGHT_CONDITIONAL",
    area,
    level: "unknown",
    resource: asked.role,
    found: `a condition on ${keys.join(", ")} decides whether the role may use ${actionsOf(decisions).join(", ")} on ${asked.need.resource}`,
    expected: expectedOf(actionsOf(decisions), asked),
    fix: "Compare the condition with what the function sends, or remove it.",
  };
};

/** Judges IAM's decisions about a resource. */
export const judgeDecisions = (decisions: readonly Decision[], asked: RoleNeed): readonly Finding[] => {
  const explicit = decisions.filter(({ decision }) => decision === "explicitDeny");
  const implicit = decisions.filter(({ decision }) => decision === "implicitDeny");
  const open = implicit.filter(({ missingContext }) => missingContext.length > 0);
  const absent = implicit.filter(({ missingContext }) => missingContext.length === 0);
  return [
    ...(explicit.length > 0 ? [denied(explicit, asked)] : []),
    ...(absent.length > 0 ? [missing(absent, asked)] : []),
    ...(open.length > 0 ? [conditional(open, asked)] : []),
  ];
};

const roleMissing = (name: string, role: string): Finding => ({
  code: "ROLE_MISSING",
  area,
  level: "fail",
  resource: name,
  found: `the role ${role} does not exist`,
  expected: "the role with whose rights the function runs",
  fix: updateFunction(name, "--role", "ROLE_ARN"),
});

const findingsOf = async (facts: Facts): Promise<readonly Finding[]> => {
  const { configuration, variables, mappings, name } = facts.function;
  if (!isAnswered(configuration)) return [openQuestion(area, name, configuration.unanswered)];
  const { Role: role, FunctionArn: functionArn } = configuration.value ?? {};
  const location = locationOf(functionArn);
  if (role === undefined || location === undefined) return [];
  const open = [variables, mappings].flatMap((answer) =>
    "unanswered" in answer ? [openQuestion(area, name, answer.unanswered)] : [],
  );
  const needs = byResource(needsOf(facts, location));
  const judged = await Promise.all(
    needs.map(async (need) => {
      const answer = await simulate(facts.clients, role, location.account, need);
      if (!isAnswered(answer)) return [openQuestion(area, role, answer.unanswered)];
      return answer.value === undefined
        ? [roleMissing(unqualified(name), role)]
        : judgeDecisions(answer.value, { role, need });
    }),
  );
  return [...open, ...judged.flat()];
};

/** The check of the function's role. */
export const rightsCheck: Check<Facts> = {
  area,
  codes: ["RIGHT_MISSING", "RIGHT_DENIED", "RIGHT_CONDITIONAL", "ROLE_MISSING"],
  findings: findingsOf,
};
