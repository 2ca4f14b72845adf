// The rules as a plugin of CDK's validation: a finding fails the synthesis of the app.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RuleFinding } from "@sluice/rules";
import { judgeTemplate, ruleCodes } from "@sluice/rules";
import {
  type IPolicyValidationPlugin,
  NestedStack,
  type PolicyValidationPluginReport,
  type PolicyViolation,
} from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** What the plugin reads of CDK's context. */
interface Templates {
  readonly templatePaths: readonly string[];
  readonly appConstruct: IConstruct;
}

/** The templates of nested stacks, which CDK writes beside those of their parents, and does not pass to plugins. */
const nestedPaths = ({ templatePaths, appConstruct }: Templates): readonly string[] => {
  const folders = [...new Set(templatePaths.map((path) => dirname(path)))];
  return appConstruct.node
    .findAll()
    .filter((construct) => NestedStack.isNestedStack(construct))
    .flatMap(({ templateFile }) => folders.map((folder) => join(folder, templateFile)))
    .filter((path) => existsSync(path));
};

const violationOf = (templatePath: string, finding: RuleFinding): PolicyViolation => ({
  ruleName: finding.code,
  description: `found ${finding.found}; expected ${finding.expected}`,
  fix: finding.fix,
  severity: "error",
  violatingResources: [{ resourceLogicalId: finding.resource, templatePath, locations: ["Properties"] }],
});

/**
 * The rules of `judgeTemplate` for all stacks of an app, also for those without a construct of Sluice:
 * `Validations.of(app).addPlugins(new SluiceRules())`. To accept a finding:
 * `Validations.of(construct).acknowledge({ id: "Sluice::LATEST_LOSES", reason: "the table was empty" })`.
 */
export class SluiceRules implements IPolicyValidationPlugin {
  readonly name = "Sluice";
  readonly ruleIds: string[] = [...ruleCodes];

  /** Judges the templates of all stacks. */
  validate(context: Templates): PolicyValidationPluginReport {
    const violations = [...context.templatePaths, ...nestedPaths(context)].flatMap((path) =>
      judgeTemplate(JSON.parse(readFileSync(path, "utf8"))).map((finding) => violationOf(path, finding)),
    );
    return { success: violations.length === 0, violations };
  }
}
