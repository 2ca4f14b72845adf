// The rules as a plugin of CDK's validation: a finding fails the synthesis of the app.

import { readFileSync } from "node:fs";
import type { IPolicyValidationPlugin, PolicyValidationPluginReport, PolicyViolation } from "aws-cdk-lib";
import type { Finding } from "./finding.ts";
import { ruleCodes } from "./finding.ts";
import { judgeTemplate } from "./judge.ts";

/** What the plugin reads of CDK's context. */
interface Templates {
  readonly templatePaths: readonly string[];
}

const violationOf = (templatePath: string, finding: Finding): PolicyViolation => ({
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
    const violations = templatePaths.flatMap((path) =>
      judgeTemplate(JSON.parse(readFileSync(path, "utf8"))).map((finding) => violationOf(path, finding)),
    );
    return { success: violations.length === 0, violations };
  }
}
