// The rules as a plugin of CDK's validation: a finding fails the synthesis of the app.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { IPolicyValidationPlugin, PolicyValidationPluginReport, PolicyViolation } from "aws-cdk-lib";
import type { RuleFinding } from "./finding.ts";
import { ruleCodes } from "./finding.ts";
import { judgeTemplate } from "./judge.ts";
import { resourcesOf } from "./template.ts";

/** What the plugin reads of CDK's context. */
interface Templates {
  readonly templatePaths: readonly string[];
}

interface TemplateFile {
  readonly path: string;
  readonly template: unknown;
}

/** A template and those of its nested stacks, which CDK does not pass to plugins. */
const withNested = (path: string): readonly TemplateFile[] => {
  const template: unknown = JSON.parse(readFileSync(path, "utf8"));
  const nested = resourcesOf(template).flatMap(({ type, metadata }) => {
    const file = metadata["aws:asset:path"];
    const isNested =
      type === "AWS::CloudFormation::Stack" && typeof file === "string" && file.endsWith(".nested.template.json");
    return isNested ? withNested(join(dirname(path), file)) : [];
  });
  return [{ path, template }, ...nested];
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
  validate({ templatePaths }: Templates): PolicyValidationPluginReport {
    const violations = templatePaths
      .flatMap(withNested)
      .flatMap(({ path, template }) => judgeTemplate(template).map((finding) => violationOf(path, finding)));
    return { success: violations.length === 0, violations };
  }
}
