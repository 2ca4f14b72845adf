// The plugin in a real synthesis, with CDK's own validation off: it would take 11 seconds.

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { App, NestedStack, Stack, Validations } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { SluiceRules } from "../../src/index.ts";

const text = JSON.stringify({
  Resources: {
    Mapping: {
      Type: "AWS::Lambda::EventSourceMapping",
      Properties: {
        EventSourceArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-28T00:00:00.000",
        FunctionName: "orders",
        StartingPosition: "LATEST",
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      },
    },
  },
});

const appOf = (isNested = false) => {
  const file = join(mkdtempSync(join(tmpdir(), "sluice-rules-")), "template.json");
  writeFileSync(file, text);
  const app = new App({
    outdir: mkdtempSync(join(tmpdir(), "sluice-rules-")),
    builtinCloudFormationValidation: false,
  });
  const parent = new Stack(app, "Imported");
  const stack = isNested ? new NestedStack(parent, "Nested") : parent;
  const include = new CfnInclude(stack, "Template", { templateFile: file });
  Validations.of(app).addPlugins(new SluiceRules());
  return { app, mapping: include.getResource("Mapping") };
};

describe.each([
  ["stack", false],
  ["nested stack", true],
])("a template that is imported into a %s", (_name, isNested) => {
  test("fails the synthesis, and the report names the rule and the way out", () => {
    const { app } = appOf(isNested);
    expect(() => app.synth()).toThrow(/LATEST_LOSES/);
    const report = readFileSync(join(app.outdir, "validation-report.json"), "utf8");
    expect(report).toContain("Set StartingPosition to TRIM_HORIZON");
  });

  test("passes if the finding is acknowledged on the construct", () => {
    const { app, mapping } = appOf(isNested);
    Validations.of(mapping).acknowledge({ id: "Sluice::LATEST_LOSES", reason: "the table was empty" });
    expect(() => app.synth()).not.toThrow();
  });
});
